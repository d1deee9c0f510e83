// Takes the records of `sums` out of the store and has them delivered as an unordered KafkaSource does: in any order, up
// to 99 at a time.
//
// A subscriber that stays away for longer than all retries (10 min 14 s by default) costs its records in flight their
// place in the topic: they become dead letters, 50 to 99 of them in each such period, while the rest waits in the log.
// Dead letters are kept until somebody redrives them, so nothing is lost. A cluster does the same.

import type { Deliverer } from './deliverer.ts';
import type { Faults } from './faults.ts';
import { Progress } from './progress.ts';
import type { StoredRecord } from './record.ts';
import type { Store } from './store.ts';

/** As a KafkaSource polls: 50 more as soon as fewer than 50 are in flight. */
const pollRecords = 50;

export interface SourceOptions {
  readonly store: Store;
  readonly deliverer: Deliverer;
  /** Told of a log that can no longer be read. */
  readonly fail: (error: unknown) => void;
  readonly faults: Faults;
}

export class Source {
  readonly #options: SourceOptions;
  readonly #progress: Progress;
  readonly #deadLettered: Set<number>;
  #started = false;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#progress = new Progress(options.store.savedOffset);
    this.#deadLettered = options.store.deadLettered();
  }

  /** Every record before this offset is delivered or in the dead letters. */
  get committed(): number {
    return this.#progress.committed;
  }

  /** Begins to deliver, from the saved offset on. */
  start(): void {
    this.#started = true;
    this.poll();
  }

  /** Takes what is new in the log; called whenever records were stored. */
  poll(): void {
    const { store, deliverer, faults, fail } = this.#options;
    if (!this.#started || deliverer.isStopping) return;
    try {
      while (deliverer.inFlight < pollRecords && this.#progress.next < store.next('sums')) {
        const page = store.read('sums', this.#progress.next, pollRecords);
        for (const { offset } of page) this.#progress.begin(offset);
        for (const record of faults.order?.(page) ?? page) {
          if (this.#deadLettered.delete(record.offset)) this.#progress.finish(record.offset);
          else void this.#handle(record);
        }
      }
    } catch (error) {
      fail(error);
    }
  }

  async #handle(record: StoredRecord): Promise<void> {
    await this.#options.deliverer.handle(record, () => {
      this.#progress.finish(record.offset);
    });
    this.poll();
  }
}
