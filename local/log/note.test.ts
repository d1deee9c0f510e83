import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { openLog } from '../access/log-access.ts';
import { startTestLog } from '../../test/test-log.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { isNote, type Note, noteRecord, noteType, readNote } from './note.ts';
import type { LogRecord } from './record.ts';
import { Store } from './store.ts';

const note: Note = {
  letter: { partition: 2, offset: 17, id: 'Grüße' },
  action: 'discarded',
  atMs: Date.UTC(2026, 10, 26),
  reason: 'a "reason"\nof two lines',
};
const letter: LogRecord = {
  key: null,
  headers: {
    ...{ ce_specversion: '1.0', ce_id: 'a', ce_source: '/s', ce_type: 't' },
    ce_knativeerrordest: 'http://accumulate/',
  },
  value: null,
};

function stored(record: LogRecord) {
  return { ...record, partition: 0, offset: 20, timeMs: 0 };
}

test('a note says which letter it is on, what was done, when and why', () => {
  expect(readNote(stored(noteRecord(note)))).toEqual(note);
  const plain = { ...note, reason: undefined };
  expect(readNote(stored(noteRecord(plain)))).toEqual(plain);
});

test.each([
  ['is no JSON', {}, Buffer.from('{')],
  ['has no data', {}, null],
  ['names no letter', { ce_letteroffset: 'x' }, undefined],
  ['says nothing that can be done', { ce_action: 'burnt' }, undefined],
  ['names no id', {}, Buffer.from('{}')],
])('a note that %s is neither a note on a letter nor a letter', (_, headers, value) => {
  const record = noteRecord(note);
  const bad = {
    ...record,
    headers: { ...record.headers, ...headers },
    value: value === undefined ? record.value : value,
  };
  expect(readNote(stored(bad))).toBeUndefined();
  expect(isNote(bad)).toBe(true);
});

test('a letter is none, whatever its event is', () => {
  const undelivered = { ...letter, headers: { ...letter.headers, ce_type: noteType } };
  expect(isNote(undelivered)).toBe(false);
  expect(isNote(letter)).toBe(false);
});

describe('the status of the log counts the letters that nobody is done with', () => {
  const onLetter = (offset: number): LogRecord =>
    noteRecord({ ...note, letter: { partition: 0, offset, id: 'a' } });
  const records: readonly LogRecord[] = [
    letter,
    letter,
    { ...letter, headers: { ...letter.headers, ce_type: noteType } },
    { ...letter, headers: { ...letter.headers, ce_type: noteType } },
    onLetter(0),
    onLetter(0),
    onLetter(2),
    onLetter(700),
  ];

  test('while it stores them', async () => {
    const { url, eventLog } = await startTestLog();
    const log = await openLog(url, {});
    const counts: number[] = [];
    for (const record of records) {
      await log.append('sums-dead-letter', record);
      counts.push(eventLog.status().deadLetters);
    }
    expect(counts).toEqual([1, 2, 3, 4, 3, 3, 2, 2]);
  });

  test('and when it starts', async () => {
    const dataDir = makeTempDir();
    const store = new Store(join(dataDir, 'log.db'));
    store.append(records.map((record) => ({ topic: 'sums-dead-letter', record })));
    store.close();
    const { eventLog } = await startTestLog({ dataDir });
    expect(eventLog.status().deadLetters).toBe(2);
  });
});
