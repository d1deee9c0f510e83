// Delivers records to the subscriber as a KafkaSource does: at least once (I1), tried again and in the end given up to
// the dead letters as delivery.ts decides. Where the records come from is the caller's affair.

import { setTimeout as wait } from 'node:timers/promises';

import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { type DeliveryPolicy, type Outcome, decide } from './delivery.ts';
import type { Faults } from './faults.ts';
import type { StoredRecord } from './record.ts';
import type { Subscriber } from './subscriber.ts';

export interface DelivererOptions {
  readonly subscriber: Subscriber;
  readonly policy: DeliveryPolicy;
  /** Stores the dead letter of a record; it is durable when the promise resolves. */
  readonly bury: (record: StoredRecord, outcome: Outcome) => Promise<void>;
  readonly log: Log;
  readonly faults: Faults;
}

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #stopping = new AbortController();
  readonly #idle = Promise.withResolvers<undefined>();
  #handling = 0;

  /** Records delivered by this process. */
  delivered = 0;
  /** Attempts after a record's first one. */
  redeliveries = 0;

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Records being delivered or waiting for their next attempt. */
  get inFlight(): number {
    return this.#handling;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /**
   * Delivers one record; resolves when it is no longer in flight.
   * @param finish called before that, unless the record was abandoned by `stop`: it is delivered or a dead letter
   */
  async handle(record: StoredRecord, finish: () => void): Promise<void> {
    this.#handling++;
    const copies = Array.from({ length: this.#options.faults.copies?.(record) ?? 1 }, () =>
      this.#deliver(record),
    );
    const ends = await Promise.all(copies);
    if (!ends.includes('abandoned')) finish();
    if (ends.includes('delivered')) this.delivered++;
    this.#handling--;
    if (this.#handling === 0 && this.isStopping) this.#idle.resolve(undefined);
  }

  /**
   * Begins no further attempt, lets those in flight finish for `graceMs` and then cuts them. What is not done by then
   * is delivered again after the next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const cut = setTimeout(() => void this.#options.subscriber.close(), graceMs);
    if (this.#handling > 0) await this.#idle.promise;
    clearTimeout(cut);
    await this.#options.subscriber.close();
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
      if (outcome.kind === 'failed' && this.isStopping) return 'abandoned';
      if (decision.kind === 'dead-letter') return await this.#bury(record, outcome);
      if (!(await this.#pause(decision.waitMs))) return 'abandoned';
    }
  }

  /** A KafkaSource whose dead letter sink keeps failing loses the record; here it waits for one that works. */
  async #bury(record: StoredRecord, outcome: Outcome): Promise<'dead-letter' | 'abandoned'> {
    const { bury, log, policy } = this.#options;
    const { partition, offset } = record;
    const reason = outcome.kind === 'answered' ? `status ${outcome.status}` : outcome.reason;
    for (let attempt = 1; ; attempt++) {
      try {
        await bury(record, outcome);
        log.error(
          { partition, offset, id: record.headers['ce_id'], reason },
          'not delivered: in the dead letters',
        );
        return 'dead-letter';
      } catch (error) {
        log.error({ partition, offset, reason: messageOf(error) }, 'the dead letter could not be stored yet');
        if (!(await this.#pause(policy.backoffDelayMs * 2 ** Math.min(attempt, 6)))) return 'abandoned';
      }
    }
  }

  /** Whether the time passed; false when the deliverer was stopped instead. */
  async #pause(waitMs: number): Promise<boolean> {
    try {
      await wait(waitMs, undefined, { signal: this.#stopping.signal });
      return true;
    } catch {
      return false;
    }
  }
}
