// The writing thread: everything that waits for the disk happens here, so that a stalled disk stops neither probes nor
// reads. One batch at a time; between batches totals.json is brought up to date.

import { parentPort, workerData } from 'node:worker_threads';

import { AppError, messageOf } from '../../../lib/errors.ts';
import { isFsyncFailure } from '../../../lib/sqlite.ts';
import { checkNewest, checkWitness } from './check.ts';
import { toLedgerError } from './damage.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { writeTotalsFile } from './totals-file.ts';
import { Volume } from './volume.ts';
import { Writer } from './writer.ts';

/** totals.json is written at most this often, and at most for a twentieth of the time. */
const fileIntervalMs = 1_000;

const port = parentPort;
if (port === null) throw new Error('runs only as the writing thread of a ledger');
const { directory, ...options } = workerData as WorkerSettings;

const say = (message: FromWorker): void => {
  port.postMessage(message);
};

function fail(error: unknown): void {
  if (isFsyncFailure(error)) throw error;
  const { code, message } = toLedgerError(volume?.newest.file ?? directory, error);
  say({ kind: 'failed', code, message });
}

let volume: Volume | undefined;

function open(): void {
  volume = new Volume(directory, 'write');
  const { newest } = volume;
  checkNewest(newest);
  const isCurrent = checkWitness(directory, newest);
  // Whatever an earlier process left in the write-ahead log gets an fsync of its own before anything builds on it.
  newest.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const writer = new Writer(volume, { ...options, now: Date.now, monotonicNow: () => performance.now() });
  const files = new TotalsFileSchedule(writer);
  if (!isCurrent) files.write();
  port?.on('message', (message: ToWorker) => {
    if (message.kind === 'close') {
      files.close();
      volume?.close();
      port.close();
      return;
    }
    try {
      const began = performance.now();
      const results = writer.apply(message.groups);
      say({ kind: 'applied', results, commitMs: performance.now() - began });
      files.changed();
    } catch (error) {
      fail(error);
    }
  });
  say({ kind: 'opened', repaired: !isCurrent });
}

class TotalsFileSchedule {
  readonly #writer: Writer;
  #timer: NodeJS.Timeout | undefined;
  #notBefore = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  changed(): void {
    this.#timer ??= setTimeout(
      () => {
        this.write();
      },
      Math.max(0, this.#notBefore - performance.now()),
    );
  }

  /** Never fails: the file is a projection, and what the ledger acknowledged stands without it. */
  write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const began = performance.now();
    try {
      this.#writer.transact((generation) => {
        writeTotalsFile(directory, generation);
      });
    } catch (error) {
      say({ kind: 'warning', message: `totals.json is not up to date: ${messageOf(error)}` });
    }
    const now = performance.now();
    this.#notBefore = now + Math.max(fileIntervalMs, 20 * (now - began));
  }

  close(): void {
    if (this.#timer !== undefined) this.write();
  }
}

try {
  open();
} catch (error) {
  const { code, message } =
    error instanceof AppError ? error : toLedgerError(volume?.newest.file ?? directory, error);
  say({ kind: 'failed', code, message });
  port.close();
}
