// Which records are done. The committed offset is the end of the contiguous prefix of finished records, so a restart
// from it delivers everything that was not finished (I1), some of it a second time, as after any Kafka consumer.

export class Progress {
  /** How many copies of a record are under way: after a rebalance a second one may begin beside the first. */
  readonly #unfinished = new Map<number, number>();
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
    let oldest = this.#next;
    for (const offset of this.#unfinished.keys()) oldest = Math.min(oldest, offset);
    return oldest;
  }

  /**
   * Begins a record. Records begin in the order of their offsets, but for a rewind to an earlier one, from which on
   * all are to be finished again.
   */
  begin(offset: number): void {
    this.#unfinished.set(offset, (this.#unfinished.get(offset) ?? 0) + 1);
    this.#next = offset + 1;
  }

  finish(offset: number): void {
    const copies = this.#unfinished.get(offset) ?? 0;
    if (copies > 1) this.#unfinished.set(offset, copies - 1);
    else this.#unfinished.delete(offset);
  }
}
