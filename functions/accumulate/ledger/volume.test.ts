// I5: what a process left in a write-ahead log when it was killed, or when its fsync failed, is in the files themselves
// before the next one builds on it. A copy of the files while they are open is what such a process leaves; without their
// logs it is what a power cut leaves of it.

import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { parseTotalName } from '../../../lib/names.ts';
import { makeTempDir } from '../../../test/temp-dir.ts';
import { entry, TestLedger } from './fixtures.ts';
import { Reader } from './reader.ts';

let killed: TestLedger;

beforeEach(() => {
  killed = new TestLedger(makeTempDir());
  killed.volume.newest.db.exec('PRAGMA wal_autocheckpoint = 0');
});

afterEach(() => {
  killed.close();
});

function copy(directory: string): string {
  const to = makeTempDir();
  cpSync(directory, to, { recursive: true });
  return to;
}

/** A process that begins a generation with an event, and is killed. */
const beginAndDie = `
  import { entry, retention, TestLedger } from '${new URL('fixtures.ts', import.meta.url).href}';
  const ledger = new TestLedger(process.argv[1], { ...retention, maxEvents: 1 });
  ledger.apply(entry('y', '2'));
  process.kill(process.pid, 'SIGKILL');`;

/** The ledger as it is after a process has opened what the killed one left, and the power was cut. */
function openAfterPowerCut(): TestLedger {
  const opened = new TestLedger(copy(killed.directory));
  try {
    return openWithoutLogs(opened.directory);
  } finally {
    opened.close();
  }
}

function openWithoutLogs(of: string): TestLedger {
  const directory = copy(of);
  for (const name of readdirSync(directory)) if (!name.endsWith('.db')) rmSync(join(directory, name));
  return new TestLedger(directory);
}

test('events are', () => {
  killed.apply(entry('x', '1'), entry('y', '2'));
  const ledger = openAfterPowerCut();
  expect(ledger.read()).toEqual({ total: '3', count: 2 });
  expect(ledger.problems()).toEqual([]);
  ledger.close();
});

test('the seal of a generation is, without which what the next one counts would be lost', () => {
  killed.apply(entry('x', '1'));
  const { newest } = killed.volume;
  newest.db.exec('BEGIN IMMEDIATE');
  killed.volume.seal(killed.now, 1);
  newest.db.exec('COMMIT');
  const ledger = openAfterPowerCut();
  expect(ledger.volume.newest.number).toBe(2);
  expect(ledger.problems()).toEqual([]);
  ledger.close();
});

test('what a live process finds in a generation that a killed one began is, before it tells of it', () => {
  const live = new TestLedger(makeTempDir());
  live.apply(entry('x', '1'));
  const reader = new Reader(live.directory);
  const begun = spawnSync(process.execPath, ['--input-type=module', '--eval', beginAndDie, live.directory]);
  expect(begun.signal).toBe('SIGKILL');
  expect(reader.total(parseTotalName('default'))?.total).toBe('3');
  const ledger = openWithoutLogs(live.directory);
  expect(ledger.read()).toEqual({ total: '3', count: 2 });
  ledger.close();
  reader.close();
  live.close();
});

test('that older generations are gone on purpose is, before their files go', () => {
  killed.apply(entry('x', '1'));
  killed.volume.newest.db.exec('BEGIN IMMEDIATE');
  killed.volume.seal(killed.now, 1);
  killed.volume.newest.db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  killed.volume.advance();
  killed.volume.newest.db.exec('PRAGMA wal_autocheckpoint = 0');
  expect(killed.volume.newest.setOldest(2)).toBe(true);
  const ledger = openAfterPowerCut();
  expect(ledger.volume.oldestFirst.map(({ number }) => number)).toEqual([2]);
  expect(ledger.problems()).toEqual([]);
  ledger.close();
});
