import { existsSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { makeTempDir } from '../../../test/temp-dir.ts';
import { day, entry, retention, TestLedger, verifyDirectory } from './fixtures.ts';
import { generationFile } from './generation-file.ts';
import { Reader } from './reader.ts';
import { copyGenerations, requireSpace, sizeOfVolume } from './snapshot.ts';
import { Volume } from './volume.ts';

let ledger: TestLedger;
let source: Volume;
let copies: string;
let counted: number;

beforeEach(() => {
  ledger = new TestLedger(makeTempDir(), { ...retention, maxEvents: 10 });
  counted = 0;
  count(25);
  source = new Volume(ledger.directory, 'read');
  copies = makeTempDir();
});

afterEach(() => {
  source.close();
  ledger.close();
});

function count(events: number): void {
  for (let n = 0; n < events; n++) ledger.apply(entry(`id-${counted++}`, '0.5'));
}

/** Copies everything; `between` runs after each file. Gives the copied files' names and the last event. */
async function copyAll(between: (copied: number) => void = () => undefined) {
  const names: string[] = [];
  let seq = 0;
  for await (const copy of copyGenerations(source, copies)) {
    names.push(basename(copy.path));
    ({ seq } = copy);
    between(names.length);
  }
  return { names, seq };
}

function readEvents(directory: string): unknown[] {
  const reader = new Reader(directory);
  try {
    return reader.entriesAfter(0, 1_000);
  } finally {
    reader.close();
  }
}

const name = (number: number): string => basename(generationFile('', number));

test('every generation is copied, with every row in it', async () => {
  expect(await copyAll()).toEqual({ names: [1, 2, 3].map(name), seq: 25 });
  expect(verifyDirectory(copies)).toEqual([]);
  for (const number of [1, 2, 3]) {
    const rows = [ledger.directory, copies].map((directory) => readTables(generationFile(directory, number)));
    expect(rows[1]).toEqual(rows[0]);
    expect(Object.keys(rows[0] ?? {}).sort()).toEqual(['events', 'generation', 'ids', 'opening', 'totals']);
  }
  // One file each, to be read where nothing can be written.
  expect(existsSync(`${generationFile(copies, 3)}-wal`)).toBe(false);
});

test('I5: a ledger that has lost events is not copied', async () => {
  writeFileSync(join(ledger.directory, 'totals.json'), JSON.stringify({ format: 1, seq: 26, totals: {} }));
  await expect(copyAll()).rejects.toThrow('it ends at event 25, but');
});

test('I5: what is counted while older files are copied is in the copy, and what is sealed is followed', async () => {
  const { names, seq } = await copyAll((copied) => {
    if (copied <= 3) count(10);
  });
  expect(names).toEqual([1, 2, 3, 4, 5, 6].map(name));
  // What was counted once the newest, the sixth, was copied is not.
  expect(seq).toBe(55);
  expect(verifyDirectory(copies)).toEqual([]);
  expect(readEvents(copies)).toEqual(readEvents(ledger.directory).slice(0, 55));
});

test('I5: a generation that was deleted as too old since the copy began is still copied', async () => {
  const { names } = await copyAll((copied) => {
    if (copied > 1) return;
    ledger.now += 40 * day;
    ledger.apply(entry('late', '0.5', { time: ledger.now }));
    expect(existsSync(generationFile(ledger.directory, 2))).toBe(false);
  });
  expect(names).toEqual([1, 2, 3, 4].map(name));
  expect(readEvents(copies)).toEqual(readEvents(ledger.directory));
  expect(verifyDirectory(copies)).toEqual([]);
  const db = new DatabaseSync(generationFile(copies, 2), { readOnly: true });
  expect(db.prepare('SELECT count(*) AS n FROM events').get()).toEqual({ n: 10 });
  db.close();
});

test('a ledger that no start would take is not copied', async () => {
  const db = new DatabaseSync(generationFile(ledger.directory, 2));
  db.exec(`UPDATE totals SET total = '9'`);
  db.close();
  await expect(copyAll()).rejects.toMatchObject({ code: 'damaged' });
});

test('I4: the write-ahead log can be emptied again once the newest is copied', async () => {
  await copyAll();
  count(1);
  expect(ledger.volume.newest.db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()).toMatchObject({ busy: 0 });
});

test('a directory without room is refused, with how much is needed', () => {
  const bytes = sizeOfVolume(source);
  expect(bytes).toBeGreaterThan(3 * 8_192);
  requireSpace(copies, bytes);
  expect(() => {
    requireSpace(copies, 1e15);
  }).toThrow(/has \d+\.\d MB free, but a copy there needs 1000000000\.0 MB/);
});

function readTables(file: string): Record<string, unknown[]> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
    return Object.fromEntries(
      tables.map((table) => [
        String(table['name']),
        db.prepare(`SELECT * FROM ${String(table['name'])}`).all(),
      ]),
    );
  } finally {
    db.close();
  }
}
