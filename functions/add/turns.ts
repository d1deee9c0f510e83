// Lets a bounded number be at work at one time. The others wait in the order in which they came, and one that gives up
// while it waits is forgotten at once: nothing of it stays behind.

export interface Turn {
  /** It is this one's turn; it says when that is over with {@link Turns.end}. */
  begin(): void;
}

export class Turns {
  #free: number;
  readonly #waiting = new Set<Turn>();
  readonly #beginNext = (): void => {
    for (const turn of this.#waiting) {
      if (this.#free === 0) return;
      this.#waiting.delete(turn);
      this.#begin(turn);
    }
  };

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Begins the turn now when there is room and nobody waits, else later. */
  take(turn: Turn): void {
    if (this.#free > 0 && this.#waiting.size === 0) this.#begin(turn);
    else this.#waiting.add(turn);
  }

  /** Takes back a turn that has not begun; for one that has, nothing happens. */
  withdraw(turn: Turn): void {
    this.#waiting.delete(turn);
  }

  /** Makes room. The next begins a moment later, when the caller has put its own state in order. */
  end(): void {
    this.#free++;
    if (this.#waiting.size > 0) queueMicrotask(this.#beginNext);
  }

  #begin(turn: Turn): void {
    this.#free--;
    turn.begin();
  }
}
