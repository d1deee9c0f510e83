// Which records are done. The committed offset is the end of the contiguous prefix of finished records, so a restart
// from it delivers everything that was not finished (I1), some of it a second time, as after any Kafka consumer.

export class Progress {
  // A Set keeps the order of insertion, which is that of the offsets: its first member is the oldest unfinished.
  readonly #unfinished = new Set<number>();
  #next: number;

  /** @param committed where an earlier process stopped */
  constructor(committed: number) {
    this.#next = committed;
  }

  /** The offset to begin next. */
  get next(): number {
    return this.#next;
  }

  /** Every record before it is finished. */
  get committed(): number {
    const [oldest] = this.#unfinished;
    return oldest ?? this.#next;
  }

  /** Begins a record. Records begin in the order of their offsets. */
  begin(offset: number): void {
    this.#unfinished.add(offset);
    this.#next = offset + 1;
  }

  finish(offset: number): void {
    this.#unfinished.delete(offset);
  }
}
