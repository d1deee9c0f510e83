// One file of the ledger, `ledger-00000001.db`: the events of a stretch of time, the marks that make each count once,
// and the totals up to and with them. Only the newest generation is written; one commit to one file is therefore all
// that "seen" and "counted" need to be one atomic write (I2, I5). An older one is sealed and only looked up in, until
// it is older than the deduplication window and is deleted as a whole.

import { hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { AppError, messageOf } from '../../../lib/errors.ts';
import type { TotalName } from '../../../lib/names.ts';
import { damaged, toLedgerError } from './damage.ts';
import {
  fromInteger,
  hashEntry,
  hashKey,
  hashTotal,
  type StoredEntry,
  toInteger,
  type Total,
} from './entry.ts';

/** The format that this program reads and writes, in SQLite's `user_version`. */
export const formatVersion = 1;

/** "Taly" in ASCII, in SQLite's `application_id`: tells a ledger from any other SQLite file. */
const applicationId = 0x54616c79;

const totalColumns = `
  name TEXT PRIMARY KEY, total TEXT NOT NULL, count INTEGER NOT NULL, version INTEGER NOT NULL,
  updated_at INTEGER NOT NULL, set_hash BLOB NOT NULL, hash BLOB NOT NULL`;

const schema = `
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
  CREATE TABLE generation (
    number INTEGER PRIMARY KEY, opened_at INTEGER NOT NULL, opening_seq INTEGER NOT NULL,
    sealed_at INTEGER, duplicates INTEGER NOT NULL, hash BLOB NOT NULL
  ) STRICT;
  CREATE TABLE opening (${totalColumns}) STRICT, WITHOUT ROWID;
  CREATE TABLE totals (${totalColumns}) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY, source TEXT NOT NULL, id TEXT NOT NULL, total TEXT NOT NULL, a TEXT NOT NULL,
    b TEXT NOT NULL, time INTEGER, applied_at INTEGER NOT NULL, hash BLOB NOT NULL
  ) STRICT;
  CREATE TABLE ids (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;`;

/** The generation's own row. */
export interface GenerationState {
  readonly number: number;
  readonly openedAt: number;
  /** The last sequence number before this generation; 0 in the first. */
  readonly openingSeq: number;
  /** When the next generation took over; null while this one is written. */
  readonly sealedAt: number | null;
  /** How many duplicates were refused while this generation was the newest. */
  readonly duplicates: number;
}

type Row = Record<string, null | number | bigint | string | NodeJS.NonSharedUint8Array>;

export function generationFile(directory: string, number: number): string {
  return join(directory, `ledger-${String(number).padStart(8, '0')}.db`);
}

/** Creates a generation's file at `path`, on disk with all its pages when this returns. */
export function createGeneration(
  path: string,
  state: Pick<GenerationState, 'number' | 'openedAt' | 'openingSeq'>,
  totals: Iterable<Total>,
): void {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN; ${schema}`);
    const { number, openedAt, openingSeq } = state;
    const rowHash = hashGeneration({ ...state, sealedAt: null });
    db.prepare('INSERT INTO generation VALUES (?, ?, ?, NULL, 0, ?)').run(
      number,
      openedAt,
      openingSeq,
      rowHash,
    );
    const insert = db.prepare('INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?)');
    for (const total of totals) insert.run(...toTotalRow(total));
    db.exec('INSERT INTO opening SELECT * FROM totals; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
  syncPath(path);
}

/** fsync of a file or a directory. */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export class Generation {
  readonly file: string;
  readonly number: number;
  readonly db: DatabaseSync;
  readonly #readState: StatementSync;
  readonly #readTotal: StatementSync;
  readonly #findSeq: StatementSync;
  readonly #readEntry: StatementSync;
  readonly #readLastSeq: StatementSync;

  /** @throws AppError `damaged` when the file is not a ledger of this format */
  constructor(directory: string, number: number, mode: 'read' | 'write') {
    this.file = generationFile(directory, number);
    this.number = number;
    this.db = openDatabase(this.file, mode);
    try {
      configure(this.db, mode);
      checkFormat(this.db, this.file);
      this.#readState = this.db.prepare('SELECT * FROM generation');
      this.#readTotal = this.db.prepare('SELECT * FROM totals WHERE name = ?');
      this.#findSeq = this.db.prepare('SELECT seq FROM ids WHERE key = ?');
      this.#readEntry = this.db.prepare('SELECT * FROM events WHERE seq = ?');
      this.#readLastSeq = this.db.prepare('SELECT max(seq) AS seq FROM events');
      const found = this.state().number;
      if (found !== number) throw damaged(this.file, `it says that it is generation ${found}`);
    } catch (error) {
      this.db.close();
      throw toLedgerError(this.file, error);
    }
  }

  state(): GenerationState {
    const row = this.#readState.get();
    if (row === undefined) throw damaged(this.file, 'its own row is missing');
    const state: GenerationState = {
      number: Number(row['number']),
      openedAt: Number(row['opened_at']),
      openingSeq: Number(row['opening_seq']),
      sealedAt: row['sealed_at'] === null ? null : Number(row['sealed_at']),
      duplicates: Number(row['duplicates']),
    };
    if (!hashGeneration(state).equals(row['hash'] as Uint8Array)) {
      throw damaged(this.file, 'its own row does not fit its checksum');
    }
    return state;
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

  close(): void {
    this.db.close();
  }
}

function openDatabase(file: string, mode: 'read' | 'write'): DatabaseSync {
  try {
    return new DatabaseSync(file, { readOnly: mode === 'read', timeout: 5_000 });
  } catch (error) {
    throw new AppError('unavailable', `cannot open ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function configure(db: DatabaseSync, mode: 'read' | 'write'): void {
  // A cache for the upper levels of the marks' tree; the rest is the kernel's.
  db.exec('PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY');
  // A writer waits for its turn in its own way (writer.ts).
  if (mode === 'write')
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA busy_timeout = 0',
    );
}

function checkFormat(db: DatabaseSync, file: string): void {
  const application = Number(db.prepare('PRAGMA application_id').get()?.['application_id']);
  if (application !== applicationId) throw damaged(file, 'it is not a ledger of Tally');
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > formatVersion) {
    throw new AppError(
      'damaged',
      `${file} has format ${version}, newer than this program's ${formatVersion}: start the newer version of Tally`,
    );
  }
  if (version !== formatVersion) throw damaged(file, `it has the unknown format ${version}`);
}

function hashGeneration({
  number,
  openedAt,
  openingSeq,
  sealedAt,
}: Omit<GenerationState, 'duplicates'>): Buffer {
  return hash('sha256', `${number}\n${openedAt}\n${openingSeq}\n${sealedAt ?? ''}`, 'buffer').subarray(0, 16);
}

export function toTotalRow(total: Total): [string, string, number, number, number, Buffer, Buffer] {
  const { name, count, version, updatedAt, setHash } = total;
  return [name, total.total, count, version, updatedAt, fromInteger(setHash), hashTotal(total)];
}

function toTotal(row: Row, file: string): Total {
  const total: Total = {
    name: row['name'] as TotalName,
    total: row['total'] as string,
    count: Number(row['count']),
    version: Number(row['version']),
    updatedAt: Number(row['updated_at']),
    setHash: toInteger(row['set_hash'] as Uint8Array),
  };
  if (!hashTotal(total).equals(row['hash'] as Uint8Array)) {
    throw damaged(file, `the row of total "${total.name}" does not fit its checksum`);
  }
  return total;
}

function toEntry(row: Row, file: string): StoredEntry {
  const entry: StoredEntry = {
    seq: Number(row['seq']),
    source: row['source'] as string,
    id: row['id'] as string,
    total: row['total'] as TotalName,
    a: row['a'] as string,
    b: row['b'] as string,
    time: row['time'] === null ? null : Number(row['time']),
    appliedAt: Number(row['applied_at']),
  };
  if (!hashEntry(entry).equals(row['hash'] as Uint8Array)) {
    throw damaged(file, `event ${entry.seq} does not fit its checksum`);
  }
  return entry;
}
