// A generation's file: what is in it, how it is made, and how it is opened.

import { accessSync, closeSync, constants, existsSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

import { AppError, messageOf } from '../../../lib/errors.ts';
import { damaged, toLedgerError } from './damage.ts';
import type { Total } from './entry.ts';
import { type GenerationState, hashGeneration, toTotalRow } from './rows.ts';

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
    sealed_at INTEGER, oldest INTEGER NOT NULL, duplicates INTEGER NOT NULL, hash BLOB NOT NULL
  ) STRICT;
  CREATE TABLE opening (${totalColumns}) STRICT, WITHOUT ROWID;
  CREATE TABLE totals (${totalColumns}) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY, source TEXT NOT NULL, id TEXT NOT NULL, total TEXT NOT NULL, a TEXT NOT NULL,
    b TEXT NOT NULL, time INTEGER, applied_at INTEGER NOT NULL, hash BLOB NOT NULL
  ) STRICT;
  CREATE TABLE ids (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;`;

export function generationFile(directory: string, number: number): string {
  return join(directory, `ledger-${String(number).padStart(8, '0')}.db`);
}

/** What a generation begins with, beside the totals. */
export type Opening = Pick<GenerationState, 'number' | 'openedAt' | 'openingSeq' | 'oldest'>;

/** Creates a generation's file at `path`, on disk with all its pages when this returns. */
export function createGeneration(path: string, opening: Opening, totals: Iterable<Total>): void {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN; ${schema}`);
    const { number, openedAt, openingSeq, oldest } = opening;
    const rowHash = hashGeneration({ ...opening, sealedAt: null });
    const insertState = db.prepare('INSERT INTO generation VALUES (?, ?, ?, NULL, ?, 0, ?)');
    insertState.run(number, openedAt, openingSeq, oldest, rowHash);
    const insert = db.prepare('INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?)');
    for (const total of totals) insert.run(...toTotalRow(total));
    db.exec('INSERT INTO opening SELECT * FROM totals; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
  syncPath(path);
}

/** Whether a generation's file holds events. It is opened as one that nobody writes, so that nothing is left beside it. */
export function holdsEvents(file: string): boolean {
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) return true;
  if (!existsSync(file)) return false;
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(url, { readOnly: true });
    return db.prepare('SELECT seq FROM events LIMIT 1').get() !== undefined;
  } catch {
    // It has just been deleted, or is no generation at all.
    return false;
  } finally {
    db?.close();
  }
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

/** @throws AppError `damaged` when the file is not a ledger of this format, `unavailable` when it can't be opened */
export function openGeneration(file: string, mode: 'read' | 'write'): DatabaseSync {
  const db = openDatabase(file, mode);
  try {
    configure(db, mode);
    checkFormat(db, file);
    return db;
  } catch (error) {
    db.close();
    throw toLedgerError(file, error);
  }
}

function openDatabase(file: string, mode: 'read' | 'write'): DatabaseSync {
  try {
    return new DatabaseSync(location(file, mode), { readOnly: mode === 'read', timeout: 5_000 });
  } catch (error) {
    throw new AppError('unavailable', `cannot open ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * A writer does not make a file that another process has just deleted: an empty one would read as a damaged ledger.
 *
 * A reader, too, needs to write the index of the write-ahead log beside the file. Where it may not, as on a snapshot
 * that is mounted read-only, a file without a write-ahead log can be read as one that nobody changes.
 */
function location(file: string, mode: 'read' | 'write'): string | URL {
  const url = pathToFileURL(file);
  if (mode === 'write') url.searchParams.set('mode', 'rw');
  else if (existsSync(`${file}-wal`) || isWritable(dirname(file))) return file;
  else url.searchParams.set('immutable', '1');
  return url;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function configure(db: DatabaseSync, mode: 'read' | 'write'): void {
  // A cache for the upper levels of the marks' tree, 7 MB of 16 million; the rest is the kernel's. In a larger one SQLite
  // has more to walk through at each commit in which a page was split.
  db.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY');
  // From then on a writer waits for its turn in its own way (writer.ts).
  if (mode === 'write') {
    // 64 MB of write-ahead log: each page of the tree of ids is then written to the file once for many commits.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000');
    db.exec('PRAGMA busy_timeout = 0');
  }
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
