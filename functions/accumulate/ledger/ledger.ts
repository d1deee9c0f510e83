// The ledger as the rest of the function sees it: `apply` on the writing thread with group commit, reads on this one.

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import { Batcher } from '../../../lib/batcher.ts';
import { AppError, messageOf } from '../../../lib/errors.ts';
import { defaultTotal, type TotalName } from '../../../lib/names.ts';
import type { GroupResult } from './batch.ts';
import type { Entry, Outcome, StoredEntry, Total } from './entry.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { type LedgerStatus, Reader } from './reader.ts';
import { Waiters } from './waiters.ts';

/** The most groups that share a commit: past some hundreds a larger batch is no cheaper an event, only slower. */
const maxGroupsPerCommit = 1_000;

export interface LedgerEvents {
  /** A commit is durable. */
  onCommit?: (commit: { readonly groups: number; readonly events: number; readonly ms: number }) => void;
  onWarning?: (message: string) => void;
  /** The ledger cannot go on in this process: it has to end and be started anew. */
  onFatal: (error: unknown) => void;
}

export class Ledger {
  readonly #worker: Worker;
  readonly #reader: Reader;
  readonly #batcher: Batcher<readonly Entry[], GroupResult>;
  readonly #events: LedgerEvents;
  readonly #waiters: Waiters;
  #answer: PromiseWithResolvers<GroupResult[]> | undefined;
  #applying: { groups: number; events: number } = { groups: 0, events: 0 };
  #damage: AppError | undefined;
  #closed = false;

  private constructor(worker: Worker, reader: Reader, events: LedgerEvents) {
    this.#worker = worker;
    this.#reader = reader;
    this.#events = events;
    this.#waiters = new Waiters(reader);
    this.#batcher = new Batcher((groups) => this.#commit(groups), maxGroupsPerCommit);
    worker.on('message', (message: FromWorker) => {
      this.#onMessage(message);
    });
    worker.on('error', (error) => {
      this.#end(error);
    });
    worker.on('exit', () => {
      if (!this.#closed) this.#end(new Error('the writing thread ended'));
    });
  }

  /**
   * Opens the volume, creating it where there is none, after the bounded check of what is there.
   * @throws AppError `damaged`, naming what is wrong and the way out; `unavailable` when the directory can't be used
   */
  static async open(settings: WorkerSettings, events: LedgerEvents): Promise<Ledger> {
    // Of this file's kind: TypeScript here, JavaScript in an image (image/bundle.ts).
    const file = new URL(`worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(file, { workerData: settings });
    const opened = await new Promise<FromWorker>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    if (opened.kind === 'failed') throw new AppError(opened.code, opened.message);
    if (opened.kind === 'opened' && opened.repaired)
      events.onWarning?.('totals.json was missing, behind or damaged: written anew');
    return new Ledger(worker, new Reader(settings.directory, events.onFatal), events);
  }

  /** Why the ledger can't serve: damage that was found, or a read that fails; undefined while it can. */
  problem(): string | undefined {
    if (this.#damage !== undefined) return this.#damage.message;
    try {
      this.#reader.total(defaultTotal);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  /**
   * Counts the events of one group, all or none; resolves when that is durable (I1).
   * @returns for each event whether it was counted now or before
   * @throws AppError `conflict`, `expired` or `invalid` for an event that can never be counted, `unavailable` when a
   * retry may succeed, `damaged`
   */
  async apply(group: readonly Entry[]): Promise<readonly Outcome[]> {
    if (this.#closed) throw new AppError('unavailable', 'the ledger is closed');
    // What is counted now would be lost with the restore that it asks for.
    if (this.#damage !== undefined) throw this.#damage;
    if (group.length === 0) return [];
    const result = await this.#batcher.submit(group);
    if ('outcomes' in result) return result.outcomes;
    const { refused, index, message } = result;
    throw new AppError(refused, message, {
      violations: group.length > 1 ? [{ field: `events[${index}]`, description: message }] : [],
    });
  }

  total(name: TotalName): Total | undefined {
    return this.#reader.total(name);
  }

  totals(after: string, limit: number): Total[] {
    return this.#reader.totals(after, limit);
  }

  /** At most `limit` totals that events after the one numbered `seq` changed, by name, from the one after `after`. */
  changedTotals(seq: number, after: string, limit: number): Total[] {
    return this.#reader.changedTotals(seq, after, limit);
  }

  /** How many events were ever counted: the number of the last one. */
  lastSeq(): number {
    return this.#reader.lastSeq();
  }

  /** The event that was counted last; undefined before the first. */
  newestEntry(): StoredEntry | undefined {
    return this.#reader.newestEntry();
  }

  /** The event as soon as it is counted, by whichever process; undefined when it was not within `waitMs`. */
  waitFor(source: string, id: string, waitMs: number, signal: AbortSignal): Promise<StoredEntry | undefined> {
    return this.#waiters.waitFor(source, id, waitMs, signal);
  }

  /** Answers all who wait with `unavailable`. */
  stopWaiting(): void {
    this.#waiters.close();
  }

  status(): LedgerStatus {
    return this.#reader.status();
  }

  /** Takes no more, waits for what is in flight and ends the thread. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#batcher.settled();
    // The reader first: the last to close is then the writer, who leaves one file without a write-ahead log.
    this.#reader.close();
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#post({ kind: 'close' });
    await ended;
  }

  #commit(groups: readonly (readonly Entry[])[]): Promise<GroupResult[]> {
    this.#answer = Promise.withResolvers();
    this.#applying = { groups: groups.length, events: groups.reduce((sum, group) => sum + group.length, 0) };
    this.#post({ kind: 'apply', groups });
    return this.#answer.promise;
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #onMessage(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        return;
      case 'warning':
        this.#events.onWarning?.(message.message);
        return;
      case 'applied':
        this.#events.onCommit?.({ ...this.#applying, ms: message.commitMs });
        this.#answer?.resolve([...message.results]);
        this.#waiters.look();
        return;
      case 'failed': {
        const error = new AppError(message.code, message.message);
        if (error.code === 'damaged') this.#damage = error;
        this.#answer?.reject(error);
      }
    }
  }

  #end(error: unknown): void {
    this.#closed = true;
    this.#answer?.reject(new AppError('unavailable', 'the ledger has ended', { cause: error }));
    this.#events.onFatal(error);
  }
}
