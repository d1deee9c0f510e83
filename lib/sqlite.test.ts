import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { expect, test } from '@jest/globals';

import { makeTempDir } from '../test/temp-dir.ts';
import { isBusy, isDamage, isFsyncFailure, sqliteCode } from './sqlite.ts';

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("another connection's lock is busy, and nothing else is", () => {
  const path = join(makeTempDir(), 'x.db');
  const [one, other] = [new DatabaseSync(path), new DatabaseSync(path)];
  one.exec('BEGIN EXCLUSIVE');
  const locked = thrownBy(() => {
    other.exec('BEGIN IMMEDIATE');
  });
  const wrong = thrownBy(() => {
    other.exec('no SQL');
  });
  one.close();
  other.close();
  expect([locked, wrong, new Error('x'), undefined].map(isBusy)).toEqual([true, false, false, false]);
  expect([locked, wrong, new Error('x'), 'x'].map(sqliteCode)).toEqual([5, 1, undefined, undefined]);
});

test('a file that was emptied is damaged, and what is no SQL is a bug', () => {
  const db = new DatabaseSync(join(makeTempDir(), 'x.db'));
  const emptied = thrownBy(() => db.prepare('SELECT * FROM t').get());
  const noSql = thrownBy(() => {
    db.exec('no SQL');
  });
  db.close();
  expect([emptied, noSql].map(isDamage)).toEqual([true, false]);
});

test('a failed fsync is told from other input and output errors', () => {
  // https://sqlite.org/rescode.html: SQLITE_IOERR_FSYNC and SQLITE_IOERR_WRITE.
  const [fsync, write] = [1034, 778].map((errcode) =>
    Object.assign(new Error('disk I/O error'), { errcode }),
  );
  const [ofNode, opening] = ['fsync', 'open'].map((syscall) =>
    Object.assign(new Error('EIO: i/o error'), { code: 'EIO', syscall }),
  );
  expect([fsync, write, ofNode, opening].map(isFsyncFailure)).toEqual([true, false, true, false]);
  expect([undefined, null, 'EIO'].map(isFsyncFailure)).toEqual([false, false, false]);
});
