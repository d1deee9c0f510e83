import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { beforeEach, describe, expect, test } from '@jest/globals';

import { makeTempDir } from '../../test/temp-dir.ts';
import type { LogRecord } from './record.ts';
import { Store } from './store.ts';

let path: string;

beforeEach(() => {
  path = join(makeTempDir(), 'log.db');
});

function record(id: string, value: string | null = 'data'): LogRecord {
  return { key: `key-${id}`, headers: { ce_id: id }, value: value === null ? null : Buffer.from(value) };
}

function withStore<T>(use: (store: Store) => T): T {
  const store = new Store(path);
  try {
    return use(store);
  } finally {
    store.close();
  }
}

/** Changes the file as no log would. */
function alter(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

const append = (store: Store, ...ids: string[]) =>
  store.append(ids.map((id) => ({ topic: 'sums' as const, record: record(id) })));

test('records come back as they were written, after the store was closed and opened', () => {
  const records = [record('a'), record('b', null), { ...record('c', ''), key: null }];
  withStore((store) => {
    expect(store.append(records.map((each) => ({ topic: 'sums', record: each })))).toEqual([0, 1, 2]);
  });
  withStore((store) => {
    const read = store.read('sums', 0, 10);
    expect(
      read.map(({ offset, key, headers, value }) => ({
        offset,
        key,
        headers,
        value: value && Buffer.from(value),
      })),
    ).toEqual(records.map((each, offset) => ({ offset, ...each })));
    expect(append(store, 'd')).toEqual([3]);
  });
});

test('I1: what a killed log left in its write-ahead log is in the file before anything builds on it', () => {
  const [left, alone] = [join(makeTempDir(), 'log.db'), join(makeTempDir(), 'log.db')];
  withStore((store) => {
    append(store, 'a', 'b');
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, left + suffix);
  });
  const opened = new Store(left);
  // What a power cut may leave.
  copyFileSync(left, alone);
  opened.close();
  const store = new Store(alone);
  expect(store.read('sums', 0, 10).map(({ headers }) => headers['ce_id'])).toEqual(['a', 'b']);
  store.close();
});

test('a batch with a record that cannot be stored stores none of it and takes no offset', () => {
  withStore((store) => {
    append(store, 'a');
    const bad = { ...record('bad'), headers: null as unknown as Record<string, string>, key: {} as string };
    expect(() =>
      store.append([
        { topic: 'sums', record: record('b') },
        { topic: 'sums', record: bad },
      ]),
    ).toThrow();
    expect(append(store, 'c')).toEqual([1]);
    expect(store.read('sums', 0, 10).map(({ headers }) => headers['ce_id'])).toEqual(['a', 'c']);
  });
});

test('a record gets one dead letter, which is found again until its offset is committed', () => {
  withStore((store) => {
    append(store, 'a', 'b');
    const deadLetter = { topic: 'sums-dead-letter' as const, record: record('b'), origin: 1 };
    expect(store.append([deadLetter])).toEqual([0]);
    expect(store.append([deadLetter])).toEqual([null]);
    expect(store.read('sums-dead-letter', 0, 10)).toHaveLength(1);
    expect(store.deadLettered()).toEqual(new Set([1]));
    store.saveOffset(2);
    expect(store.deadLettered()).toEqual(new Set());
  });
});

test('only records that are committed and old are removed, some at a time, and offsets go on', () => {
  withStore((store) => {
    append(store, 'a', 'b', 'c', 'd');
    const later = Date.now() + 1_000;
    expect(store.removeOld(later, 10)).toBe(0);
    store.saveOffset(3);
    expect(store.removeOld(0, 10)).toBe(0);
    expect(store.removeOld(later, 2)).toBe(2);
    expect(store.removeOld(later, 2)).toBe(1);
    expect([store.first('sums'), store.next('sums')]).toEqual([3, 4]);
    store.saveOffset(4);
    expect(store.removeOld(later, 2)).toBe(1);
  });
  withStore((store) => {
    expect([store.first('sums'), store.next('sums')]).toEqual([4, 4]);
    expect(append(store, 'e')).toEqual([4]);
  });
});

test('the file stops growing while records are removed as fast as they come', () => {
  withStore((store) => {
    const round = () => {
      const writes = Array.from({ length: 500 }, (_, id) => ({
        topic: 'sums' as const,
        record: record(`${id}`, 'x'.repeat(500)),
      }));
      store.saveOffset((store.append(writes).at(-1) ?? 0) + 1);
      while (store.removeOld(Date.now() + 1_000, 100) > 0);
    };
    for (let count = 0; count < 20; count++) round();
    const before = statSync(path).size;
    for (let count = 0; count < 20; count++) round();
    expect(statSync(path).size).toBe(before);
  });
});

describe('I5: opening refuses', () => {
  test('a file that another log has open, naming it and the way out', () => {
    withStore(() => {
      expect(() => new Store(path)).toThrow(`${path} is in use by another log process: stop it or choose`);
    });
    withStore((store) => append(store, 'a'));
  });

  test('a file of another program', () => {
    alter('CREATE TABLE other (x)');
    expect(() => new Store(path)).toThrow(`${path} is not an event log of Tally`);
  });

  test('a newer format', () => {
    withStore((store) => append(store, 'a'));
    alter('PRAGMA user_version = 2');
    expect(() => new Store(path)).toThrow(`${path} has format 2, this program knows 1`);
  });

  test('what is no database at all', () => {
    writeFileSync(path, 'x'.repeat(10_000));
    expect(() => new Store(path)).toThrow(/log\.db is damaged .* move it aside/);
  });

  test('a file that was cut', () => {
    withStore((store) => {
      for (let count = 0; count < 100; count++) append(store, 'a', 'b', 'c');
    });
    truncateSync(path, 8_192);
    expect(() => new Store(path)).toThrow(/log\.db is damaged/);
  });

  test.each([
    ['a record is gone', 'DELETE FROM records WHERE offset = 1'],
    ['records that were not delivered are gone', 'DELETE FROM records WHERE offset < 2'],
    ['the committed offset is gone', 'DELETE FROM progress'],
    ['the committed offset is ahead of the records', 'UPDATE progress SET committed = 7'],
  ])('a log where %s', (_what, sql) => {
    withStore((store) => append(store, 'a', 'b', 'c'));
    alter(sql);
    expect(() => new Store(path)).toThrow(/log\.db is damaged/);
  });
});

test('I5: a record whose bytes changed on disk is named, not read', () => {
  withStore((store) => append(store, 'first', 'second'));
  const at = readFileSync(path).indexOf('{"ce_id":"second"}data');
  const file = openSync(path, 'r+');
  writeSync(file, 'DATA', at + '{"ce_id":"second"}'.length);
  closeSync(file);
  withStore((store) => {
    expect(store.read('sums', 0, 1)).toHaveLength(1);
    expect(() => store.read('sums', 0, 10)).toThrow(`${path}: the record at offset 1 of sums is damaged`);
  });
});
