// The bound on what waits for the sink at one time. A unary call over the bound is turned away; a stream waits its turn
// instead, and streams together may fill only a part of it, so that bulk work never shuts single calls out.

const shareOfStreams = 0.75;

export class InFlight {
  readonly #limit: number;
  readonly #limitOfStreams: number;
  #count = 0;
  readonly #waiting: (() => void)[] = [];
  #whenIdle: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
    this.#limitOfStreams = Math.max(1, Math.floor(limit * shareOfStreams));
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a place for a unary call; false when there is none. */
  enterCall(): boolean {
    return this.#enter(this.#limit);
  }

  /** Takes a place for an item of a stream; false when there is none: then {@link wait}. */
  enterItem(): boolean {
    return this.#enter(this.#limitOfStreams);
  }

  #enter(limit: number): boolean {
    if (this.#count >= limit) return false;
    this.#count++;
    return true;
  }

  /** Calls back once when an item may enter again. Who waits longest comes first, and for one item, not for many. */
  wait(resume: () => void): void {
    this.#waiting.push(resume);
  }

  leave(): void {
    this.#count--;
    while (this.#waiting.length > 0 && this.#count < this.#limitOfStreams) this.#waiting.shift()?.();
    if (this.#count > 0) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle = [];
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }
}
