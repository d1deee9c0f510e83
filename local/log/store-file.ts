// The log's file: made, recognised, locked and checked before anything is read from it (I5).

import { DatabaseSync } from 'node:sqlite';

import { AppError, messageOf } from '../../lib/errors.ts';
import { isBusy, isDamage } from '../../lib/sqlite.ts';

/** `Tlog`, in the place of the file's header that says whose it is. */
const applicationId = 0x546c6f67;
const formatVersion = 1;

const columns = `offset INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key TEXT, headers TEXT NOT NULL, value BLOB,
  crc INTEGER NOT NULL, origin INTEGER UNIQUE`;
const schema = `
  CREATE TABLE records (${columns}) STRICT;
  CREATE TABLE dead_letters (${columns}) STRICT;
  CREATE TABLE progress (committed INTEGER NOT NULL) STRICT;
  INSERT INTO progress VALUES (0);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};`;

/**
 * Opens the file for this process alone, after a check of all its pages (0.7 s a GB).
 * @throws Error when another process has it; AppError `damaged` naming the file and the way out
 */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    // Exclusive before the first access: the lock is then taken with it and kept, and no shared memory is needed.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    const isNew = db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
    if (!isNew) checkFormat(db, path);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864');
    db.exec('BEGIN IMMEDIATE');
    if (isNew) db.exec(schema);
    else checkContent(db, path);
    // What a process left there whose fsync failed, or that was killed within a commit, is read by everybody and on no
    // disk: it is put there before anything builds on it.
    db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
    return db;
  } catch (error) {
    db.close();
    throw explained(error, path);
  }
}

function checkFormat(db: DatabaseSync, path: string): void {
  if (pragma(db, 'application_id') !== applicationId) {
    throw new AppError(
      'damaged',
      `${path} is not an event log of Tally: choose another DATA_DIR or move it aside`,
    );
  }
  const version = pragma(db, 'user_version');
  if (version !== formatVersion) {
    throw new AppError(
      'damaged',
      `${path} has format ${String(version)}, this program knows ${formatVersion}: run the newer program that wrote it`,
    );
  }
}

function checkContent(db: DatabaseSync, path: string): void {
  const result = pragma(db, 'quick_check(1)');
  if (result !== 'ok') throw damaged(path, String(result));
  const { count, first, last, committed } = db
    .prepare(
      `SELECT count(*) AS count, min(offset) AS first, max(offset) AS last,
         (SELECT committed FROM progress) AS committed FROM records`,
    )
    .get() as { count: number; first: number | null; last: number | null; committed: number | null };
  if (committed === null) throw damaged(path, 'it has no committed offset');
  if (first === null || last === null) return;
  if (last - first + 1 !== count || first > committed || committed > last + 1) {
    throw damaged(
      path,
      `${count} records from ${first} to ${last} with ${committed} committed do not add up`,
    );
  }
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

function damaged(path: string, what: string, cause?: unknown): AppError {
  return new AppError(
    'damaged',
    `${path} is damaged (${what}): put it back from a backup, or move it aside with its -wal file to begin an empty log`,
    { cause },
  );
}

function explained(error: unknown, path: string): unknown {
  if (isBusy(error)) {
    const advice = 'stop it or choose another DATA_DIR';
    return new AppError('unavailable', `${path} is in use by another log process: ${advice}`, {
      cause: error,
    });
  }
  return isDamage(error) ? damaged(path, messageOf(error), error) : error;
}
