// One file of the ledger, `ledger-00000001.db`: the events of a stretch of time, the marks that make each count once,
// and the totals up to and with them. Only the newest generation is written; one commit to one file is therefore all
// that "seen" and "counted" need to be one atomic write (I2, I5). An older one is sealed and only looked up in, until
// it is older than the deduplication window and is deleted as a whole.

import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';

import type { TotalName } from '../../../lib/names.ts';
import { damaged, toLedgerError } from './damage.ts';
import { hashKey, type StoredEntry, type Total } from './entry.ts';
import { generationFile, openGeneration } from './generation-file.ts';
import { type GenerationState, hashGeneration, toEntry, toState, toTotal } from './rows.ts';

export class Generation {
  readonly file: string;
  readonly number: number;
  /** When it began, by the clocks of its time: no event in an older one was counted later. Unix milliseconds. */
  readonly openedAt: number;
  readonly db: DatabaseSync;
  readonly #readState: StatementSync;
  readonly #readTotal: StatementSync;
  readonly #findSeq: StatementSync;
  readonly #readEntry: StatementSync;
  readonly #readLastSeq: StatementSync;
  readonly #readDataVersion: StatementSync;

  /** @throws AppError `damaged` when the file is not a ledger of this format */
  constructor(directory: string, number: number, mode: 'read' | 'write') {
    this.file = generationFile(directory, number);
    this.number = number;
    this.db = openGeneration(this.file, mode);
    try {
      this.#readState = this.db.prepare('SELECT * FROM generation');
      this.#readTotal = this.db.prepare('SELECT * FROM totals WHERE name = ?');
      this.#findSeq = this.db.prepare('SELECT seq FROM ids WHERE key = ?');
      this.#readEntry = this.db.prepare('SELECT * FROM events WHERE seq = ?');
      this.#readLastSeq = this.db.prepare('SELECT max(seq) AS seq FROM events');
      this.#readDataVersion = this.db.prepare('PRAGMA data_version');
      const state = this.state();
      if (state.number !== number) throw damaged(this.file, `it says that it is generation ${state.number}`);
      this.openedAt = state.openedAt;
    } catch (error) {
      this.db.close();
      throw toLedgerError(this.file, error);
    }
  }

  state(): GenerationState {
    return toState(this.#readState.get(), this.file);
  }

  /** Another number after each commit to the file that was not made on this connection. */
  dataVersion(): number {
    return Number(this.#readDataVersion.get()?.['data_version']);
  }

  /**
   * Holds one snapshot from now on, so that a lookup takes no lock: for a sealed generation, which never changes again.
   */
  pin(): void {
    this.db.exec('BEGIN');
    this.state();
  }

  /**
   * Writes down that the generations before this number are gone on purpose, in a transaction of its own. Another process
   * may have written down a later one, and deleted what this one would still ask for.
   * @returns false when this generation is sealed, so that the next one would have to say it
   */
  setOldest(oldest: number): boolean {
    this.db.exec('BEGIN IMMEDIATE');
    try {
      if (this.state().sealedAt !== null) return false;
      if (this.state().oldest >= oldest) return true;
      const rowHash = hashGeneration({ ...this.state(), oldest });
      this.db.prepare('UPDATE generation SET oldest = ?, hash = ?').run(oldest, rowHash);
      this.db.exec('COMMIT');
      return true;
    } finally {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
    }
  }

  /** Marks this generation as followed by the next, as part of the caller's transaction. */
  seal(now: number): void {
    const rowHash = hashGeneration({ ...this.state(), sealedAt: now });
    this.db.prepare('UPDATE generation SET sealed_at = ?, hash = ?').run(now, rowHash);
  }

  /** A total as it stands in this generation; undefined when nothing was ever added to it. */
  total(name: TotalName): Total | undefined {
    const row = this.#readTotal.get(name);
    return row === undefined ? undefined : toTotal(row, this.file);
  }

  /** Totals in the order of their names, from the one after `after`. */
  *totals(options: { after?: string; limit?: number; table?: 'totals' | 'opening' } = {}): Generator<Total> {
    const { after = '', limit = -1, table = 'totals' } = options;
    const select = this.db.prepare(`SELECT * FROM ${table} WHERE name > ? ORDER BY name LIMIT ?`);
    let last = after;
    for (const row of select.iterate(after, limit)) {
      const total = toTotal(row, this.file);
      // A damaged tree can lead round in a circle.
      if (total.name <= last) throw damaged(this.file, 'the totals are out of order');
      last = total.name;
      yield total;
    }
  }

  /** At most `limit` totals that events after the one numbered `seq` changed, by name, from the one after `after`. */
  changedTotals(seq: number, after: string, limit: number): Total[] {
    const select = this.db.prepare(
      'SELECT * FROM totals WHERE version > ? AND name > ? ORDER BY name LIMIT ?',
    );
    return select.all(seq, after, limit).map((row) => toTotal(row, this.file));
  }

  /** The stored event with this identity; undefined when this generation has not counted it. */
  find(source: string, id: string, key = hashKey(source, id)): StoredEntry | undefined {
    const mark = this.#findSeq.get(key);
    if (mark === undefined) return undefined;
    const entry = this.entry(Number(mark['seq']));
    if (entry?.source !== source || entry.id !== id) {
      throw damaged(this.file, `the mark of event ${Number(mark['seq'])} does not fit the event`);
    }
    return entry;
  }

  /** The event with this sequence number. */
  entry(seq: number): StoredEntry | undefined {
    const row = this.#readEntry.get(seq);
    return row === undefined ? undefined : toEntry(row, this.file);
  }

  /** Stored events from the one after `after`, in the order in which they were counted. */
  *entries(after: number, limit = -1): Generator<StoredEntry> {
    const select = this.db.prepare('SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?');
    let last = after;
    for (const row of select.iterate(after, limit)) {
      const entry = toEntry(row, this.file);
      if (entry.seq <= last) throw damaged(this.file, 'the events are out of order');
      last = entry.seq;
      yield entry;
    }
  }

  /** The last sequence number: of this generation's last event, else of the one before it. */
  lastSeq(): number {
    const row = this.#readLastSeq.get();
    return typeof row?.['seq'] === 'number' ? row['seq'] : this.state().openingSeq;
  }

  /** The latest time at which one of its events was counted, by whichever process's clock; 0 without events. */
  lastAppliedAt(): number {
    const select = this.db.prepare('SELECT max(updated_at) AS time FROM totals WHERE version > ?');
    return Number(select.get(this.state().openingSeq)?.['time']);
  }

  /** How many totals there are. */
  countTotals(): number {
    return Number(this.db.prepare('SELECT count(*) AS totals FROM totals').get()?.['totals']);
  }

  /** What the file takes on the volume, with what SQLite keeps beside it. */
  bytes(): number {
    const files = ['', '-wal', '-shm'].map((suffix) => this.file + suffix);
    return files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  close(): void {
    this.db.close();
  }
}
