// Delivers the records of `sums` to the subscriber as an unordered KafkaSource does: every record at least once (I1),
// in any order, up to 99 at a time, tried again and in the end given up to the dead letters as delivery.ts decides.
//
// A subscriber that stays away for longer than all retries (10 min 14 s by default) costs its records in flight their
// place in the topic: they become dead letters, 50 to 99 of them in each such period, while the rest waits in the log.
// Dead letters are kept until somebody redrives them, so nothing is lost. A cluster does the same.

import { setTimeout as wait } from 'node:timers/promises';

import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { type DeliveryPolicy, type Outcome, decide } from './delivery.ts';
import type { Faults } from './faults.ts';
import { Progress } from './progress.ts';
import type { StoredRecord } from './record.ts';
import type { Store } from './store.ts';
import type { Subscriber } from './subscriber.ts';

/** As a KafkaSource polls: 50 more as soon as fewer than 50 are in flight. */
const pollRecords = 50;

export interface SourceOptions {
  readonly store: Store;
  readonly subscriber: Subscriber;
  readonly policy: DeliveryPolicy;
  /** Stores the dead letter of a record; it is on disk when the promise resolves. */
  readonly bury: (record: StoredRecord, outcome: Outcome) => Promise<void>;
  /** Told of a log that can no longer be read. */
  readonly fail: (error: unknown) => void;
  readonly log: Log;
  readonly faults: Faults;
}

export class Source {
  readonly #options: SourceOptions;
  readonly #progress: Progress;
  readonly #deadLettered: Set<number>;
  readonly #stopping = new AbortController();
  readonly #idle = Promise.withResolvers<undefined>();
  #handling = 0;
  #started = false;

  /** Records delivered by this process. */
  delivered = 0;
  /** Attempts after a record's first one. */
  redeliveries = 0;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#progress = new Progress(options.store.savedOffset);
    this.#deadLettered = options.store.deadLettered();
  }

  /** Every record before this offset is delivered or in the dead letters. */
  get committed(): number {
    return this.#progress.committed;
  }

  get inFlight(): number {
    return this.#handling;
  }

  /** Begins to deliver, from the saved offset on. */
  start(): void {
    this.#started = true;
    this.poll();
  }

  /** Takes what is new in the log; called whenever records were stored. */
  poll(): void {
    const { store, faults, fail } = this.#options;
    if (!this.#started || this.#stopping.signal.aborted) return;
    try {
      while (this.#handling < pollRecords && this.#progress.next < store.next('sums')) {
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

  /**
   * Begins nothing more, lets attempts in flight finish for `graceMs` and then cuts them. What is not done by then is
   * delivered again after the next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const cut = setTimeout(() => void this.#options.subscriber.close(), graceMs);
    if (this.#handling > 0) await this.#idle.promise;
    clearTimeout(cut);
    await this.#options.subscriber.close();
  }

  async #handle(record: StoredRecord): Promise<void> {
    this.#handling++;
    const copies = Array.from({ length: this.#options.faults.copies?.(record) ?? 1 }, () =>
      this.#deliver(record),
    );
    const ends = await Promise.all(copies);
    if (!ends.includes('abandoned')) this.#progress.finish(record.offset);
    if (ends.includes('delivered')) this.delivered++;
    this.#handling--;
    if (this.#handling === 0 && this.#stopping.signal.aborted) this.#idle.resolve(undefined);
    this.poll();
  }

  async #deliver(record: StoredRecord): Promise<'delivered' | 'dead-letter' | 'abandoned'> {
    const { subscriber, policy, faults } = this.#options;
    for (let attempt = 1; ; attempt++) {
      if (attempt > 1) this.redeliveries++;
      await faults.beforeDelivery?.(record, attempt);
      const outcome = await subscriber.deliver(record);
      const decision = decide(policy, attempt, outcome);
      if (decision.kind === 'delivered') return 'delivered';
      // Cut short by `stop`, which says nothing about the record.
      if (outcome.kind === 'failed' && this.#stopping.signal.aborted) return 'abandoned';
      if (decision.kind === 'dead-letter') return await this.#bury(record, outcome);
      if (!(await this.#pause(decision.waitMs))) return 'abandoned';
    }
  }

  /** A KafkaSource whose dead letter sink keeps failing loses the record; here it waits for a disk with space. */
  async #bury(record: StoredRecord, outcome: Outcome): Promise<'dead-letter' | 'abandoned'> {
    const { bury, log, policy } = this.#options;
    const reason = outcome.kind === 'answered' ? `status ${outcome.status}` : outcome.reason;
    for (let attempt = 1; ; attempt++) {
      try {
        await bury(record, outcome);
        log.error(
          { offset: record.offset, id: record.headers['ce_id'], reason },
          'not delivered: in the dead letters',
        );
        return 'dead-letter';
      } catch (error) {
        log.error(
          { offset: record.offset, reason: messageOf(error) },
          'the dead letter could not be stored yet',
        );
        if (!(await this.#pause(policy.backoffDelayMs * 2 ** Math.min(attempt, 6)))) return 'abandoned';
      }
    }
  }

  /** Whether the time passed; false when the source was stopped instead. */
  async #pause(waitMs: number): Promise<boolean> {
    try {
      await wait(waitMs, undefined, { signal: this.#stopping.signal });
      return true;
    } catch {
      return false;
    }
  }
}
