// Clients of a sink that post events and retry each with its id until they know that it is stored (I7).

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { sumEvent } from '../sum-event.ts';
import { closeAfterTest } from '../test-log.ts';

export class SinkLoad {
  /** The ids that were acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Attempts that were answered with something else, or not at all. */
  unknown = 0;
  readonly #sinks: readonly (() => string)[];
  readonly #workers: Promise<void>[];
  #stopping = false;
  #abandoned = false;

  /** @param sinks where the sinks are at the time, in the order in which a client tries them */
  constructor(sinks: readonly (() => string)[], workers = 16) {
    this.#sinks = sinks;
    this.#workers = Array.from({ length: workers }, (_, worker) => this.#work(worker));
    // A test that fails leaves requests that nobody will ever answer.
    closeAfterTest(() => {
      this.#abandoned = true;
      return this.stop();
    });
  }

  /** Lets every client settle what it has begun. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  async #work(worker: number): Promise<void> {
    while (!this.#stopping) {
      const id = randomUUID();
      for (let attempt = worker; !(await this.#post(id, attempt)); attempt++) {
        if (this.#abandoned) return;
        this.unknown++;
        await delay(50);
      }
      this.acknowledged.add(id);
    }
  }

  async #post(id: string, attempt: number): Promise<boolean> {
    const { headers, body } = sumEvent(id, '0.01');
    const sink = this.#sinks[attempt % this.#sinks.length]?.() ?? '';
    try {
      const response = await fetch(`${sink}/default/sums`, {
        method: 'POST',
        headers: { ...headers, 'ce-partitionkey': id },
        body,
        signal: AbortSignal.timeout(5_000),
      });
      await response.arrayBuffer();
      return response.status === 202;
    } catch {
      return false;
    }
  }
}
