// Applies batches of events to the volume, each batch in one transaction: the marks that the events were seen, the
// events, and the new totals become durable together or not at all (I1, I2, I5). Runs on the writing thread; every
// call blocks until the disk has answered.

import { isBusy, isDamage, isFsyncFailure } from '../../../lib/sqlite.ts';
import { Batch, type GroupResult, prepareStatements, type Statements } from './batch.ts';
import { toLedgerError } from './damage.ts';
import type { Entry } from './entry.ts';
import type { Generation } from './generation.ts';
import type { Retention, Volume } from './volume.ts';

export interface WriterOptions {
  readonly retention: Retention;
  /** How long to wait for another process to end its transaction, in milliseconds. */
  readonly lockWaitMs: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonicNow: () => number;
}

/** How far the clock may have been set while the process runs before nothing is deleted any more. */
const maxClockJumpMs = 3_600_000;

export class Writer {
  readonly #volume: Volume;
  readonly #options: WriterOptions;
  readonly #clockOffset: number;
  #prepared: { generation: Generation; statements: Statements } | undefined;

  constructor(volume: Volume, options: WriterOptions) {
    this.#volume = volume;
    this.#options = options;
    this.#clockOffset = options.now() - options.monotonicNow();
  }

  /**
   * Applies the groups in order, in one transaction.
   * @returns one result for each group, all of them durable
   * @throws AppError when nothing at all was applied: `unavailable` (full, locked, read-only) or `damaged`
   */
  apply(groups: readonly (readonly Entry[])[]): GroupResult[] {
    const now = this.#options.now();
    return this.transact((generation, lastSeq) => {
      const batch = new Batch(
        this.#volume,
        this.#statements(generation),
        lastSeq,
        now,
        this.#options.retention,
      );
      const results = groups.map((group) => batch.applyGroup(group));
      batch.finish();
      return results;
    });
  }

  /** Runs `work` in a write transaction on the newest generation, which is begun anew first when it is full. */
  transact<T>(work: (generation: Generation, lastSeq: number) => T): T {
    for (;;) {
      const { newest } = this.#volume;
      this.#lock(newest);
      try {
        const state = newest.state();
        if (state.sealedAt !== null) {
          newest.db.exec('ROLLBACK');
          this.#volume.advance();
          continue;
        }
        const now = this.#options.now();
        const lastSeq = newest.lastSeq();
        if (this.#volume.isDue(state, now, lastSeq, this.#options.retention)) {
          this.#volume.seal(now, lastSeq);
          newest.db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
          const last = newest.entry(lastSeq);
          this.#volume.advance();
          this.#prune(now, last?.time ?? now);
          continue;
        }
        const result = work(newest, lastSeq);
        newest.db.exec('COMMIT');
        return result;
      } catch (error) {
        if (newest.db.isOpen && newest.db.isTransaction) newest.db.exec('ROLLBACK');
        throw error;
      }
    }
  }

  /**
   * Deletes old generations, unless the clock is not to be trusted: it has to agree with the monotonic clock since the
   * start, and with the clock that stamped the newest event. Kept too long they cost space, deleted too early they cost
   * I2.
   */
  #prune(now: number, newestEventTime: number): void {
    if (Math.abs(now - this.#options.monotonicNow() - this.#clockOffset) > maxClockJumpMs) return;
    try {
      this.#volume.prune(Math.min(now, newestEventTime), this.#options.retention);
    } catch (error) {
      // Another process has the lock, or the disk has no space: there will be a next time.
      if (isDamage(error) || isFsyncFailure(error)) throw error;
    }
  }

  /** Waits in short random steps, so that processes that share the volume take turns. */
  #lock(generation: Generation): void {
    const deadline = performance.now() + this.#options.lockWaitMs;
    for (;;) {
      try {
        generation.db.exec('BEGIN IMMEDIATE');
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw toLedgerError(generation.file, error);
        pause(0.5 + Math.random() * 4);
      }
    }
  }

  #statements(generation: Generation): Statements {
    if (this.#prepared?.generation !== generation) {
      this.#prepared = { generation, statements: prepareStatements(generation.db) };
    }
    return this.#prepared.statements;
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
