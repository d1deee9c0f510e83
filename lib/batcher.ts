// Group commit: whatever arrives while one batch is being written goes into the next one, so that one fsync serves
// many callers and a slow disk makes batches larger, not the queue of fsyncs longer.

import { setImmediate as nextRound } from 'node:timers/promises';

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

export class Batcher<T, R> {
  readonly #run: (items: T[]) => Promise<R[]>;
  readonly #maxItems: number;
  #waiting: Waiting<T, R>[] = [];
  #draining: Promise<void> | undefined;

  /**
   * @param run writes the items and gives one result for each, in order; when it throws, every caller of the batch
   * gets the error
   * @param maxItems the most items of one batch; the rest wait for the next
   */
  constructor(run: (items: T[]) => Promise<R[]>, maxItems: number) {
    this.#run = run;
    this.#maxItems = maxItems;
  }

  /** How many items wait for a batch. The caller bounds it: the batcher takes all that it is given. */
  get length(): number {
    return this.#waiting.length;
  }

  submit(item: T): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    this.#waiting.push({ item, resolve, reject });
    // After the current round of I/O, so that everything it brought shares the first batch.
    this.#draining ??= nextRound().then(() => this.#drain());
    return promise;
  }

  /** Resolves once everything that was submitted has its result. */
  async settled(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#maxItems);
      try {
        const results = await this.#run(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as R);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#draining = undefined;
  }
}
