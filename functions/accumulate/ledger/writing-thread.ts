// What the writing thread does: everything that waits for the disk happens here, so that a stalled disk stops neither
// probes nor reads. One batch at a time; between batches totals.json is brought up to date.

import type { MessagePort } from 'node:worker_threads';

import { messageOf } from '../../../lib/errors.ts';
import { isFsyncFailure } from '../../../lib/sqlite.ts';
import { checkNewest, checkWitness } from './check.ts';
import { toLedgerError } from './damage.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { writeTotalsFile } from './totals-file.ts';
import { Volume } from './volume.ts';
import { Writer } from './writer.ts';

/** totals.json is written at most this often, and at most for a twentieth of the time. */
const fileIntervalMs = 1_000;

/** Opens the ledger and then does what `port` asks for, until that is to close. */
export function runWritingThread(
  port: Pick<MessagePort, 'on' | 'postMessage' | 'close'>,
  { directory, ...options }: WorkerSettings,
): void {
  const say = (message: FromWorker): void => {
    port.postMessage(message);
  };
  let volume: Volume | undefined;
  const failure = (error: unknown): FromWorker => {
    const { code, message } = toLedgerError(volume?.newest.file ?? directory, error);
    return { kind: 'failed', code, message };
  };

  try {
    const held = (volume = new Volume(directory, 'write'));
    const { newest } = held;
    checkNewest(newest);
    const isCurrent = checkWitness(directory, newest);
    const writer = new Writer(held, { ...options, now: Date.now, monotonicNow: () => performance.now() });
    const files = new TotalsFileSchedule(directory, writer, say);
    if (!isCurrent) files.write();
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'close') {
        files.close();
        held.close();
        port.close();
        return;
      }
      try {
        const began = performance.now();
        const results = writer.apply(message.groups);
        say({ kind: 'applied', results, commitMs: performance.now() - began });
        files.changed();
      } catch (error) {
        if (isFsyncFailure(error)) throw error;
        say(failure(error));
      }
    });
    say({ kind: 'opened', repaired: !isCurrent });
  } catch (error) {
    say(failure(error));
    port.close();
  }
}

class TotalsFileSchedule {
  readonly #directory: string;
  readonly #writer: Writer;
  readonly #say: (message: FromWorker) => void;
  #timer: NodeJS.Timeout | undefined;
  #notBefore = 0;

  constructor(directory: string, writer: Writer, say: (message: FromWorker) => void) {
    this.#directory = directory;
    this.#writer = writer;
    this.#say = say;
  }

  changed(): void {
    this.#timer ??= setTimeout(
      () => {
        this.write();
      },
      Math.max(0, this.#notBefore - performance.now()),
    );
  }

  /**
   * Fails only where the ledger itself does: the file is a projection, and what the ledger acknowledged stands without it.
   */
  write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const began = performance.now();
    try {
      this.#writer.transact((generation) => {
        writeTotalsFile(this.#directory, generation);
      });
    } catch (error) {
      // Its transaction may have sealed a generation.
      if (isFsyncFailure(error)) throw error;
      this.#say({ kind: 'warning', message: `totals.json is not up to date: ${messageOf(error)}` });
    }
    const now = performance.now();
    this.#notBefore = now + Math.max(fileIntervalMs, 20 * (now - began));
  }

  close(): void {
    if (this.#timer !== undefined) this.write();
  }
}
