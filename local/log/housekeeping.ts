// What the log does now and then: saves the committed offset, as a Kafka consumer does, and removes delivered records
// that are older than the retention time, a few at a time so that nothing waits for it.

import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { isFsyncFailure } from '../../lib/sqlite.ts';
import type { LogConfig } from './config.ts';
import type { Store } from './store.ts';

const stepRecords = 500;
const longestRetentionIntervalMs = 60_000;

export interface HousekeepingOptions {
  readonly store: Store;
  readonly committed: () => number;
  readonly config: Pick<LogConfig, 'commitIntervalMs' | 'retentionMs'>;
  readonly log: Log;
  /** Told of a log that can no longer be trusted. */
  readonly fail: (error: unknown) => void;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    const { commitIntervalMs, retentionMs } = this.#options.config;
    const save = () => {
      this.saveOffset();
    };
    const remove = () => {
      this.#removeOld();
    };
    this.#timers = [
      setInterval(save, commitIntervalMs),
      setInterval(remove, Math.min(retentionMs / 10, longestRetentionIntervalMs)),
    ];
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  saveOffset(): void {
    const { store, committed, log, fail } = this.#options;
    try {
      store.saveOffset(committed());
    } catch (error) {
      if (isFsyncFailure(error)) fail(error);
      // The next time will do: a restart before it delivers more records again.
      log.warn(`the committed offset could not be saved: ${messageOf(error)}`);
    }
  }

  #removeOld(): void {
    const { store, config, log, fail } = this.#options;
    if (this.#stopped) return;
    try {
      const removed = store.removeOld(Date.now() - config.retentionMs, stepRecords);
      if (removed === stepRecords) {
        setImmediate(() => {
          this.#removeOld();
        });
      }
    } catch (error) {
      if (isFsyncFailure(error)) fail(error);
      log.warn(`old records could not be removed: ${messageOf(error)}`);
    }
  }
}
