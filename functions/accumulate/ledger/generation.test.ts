import { existsSync } from 'node:fs';

import { expect, test } from '@jest/globals';

import { makeTempDir } from '../../../test/temp-dir.ts';
import { entry, retention, TestLedger } from './fixtures.ts';
import { Generation } from './generation.ts';
import { generationFile, holdsEvents } from './generation-file.ts';

test('I5: a file that another process has deleted is not made anew by opening it', () => {
  const directory = makeTempDir();
  for (const mode of ['read', 'write'] as const) {
    expect(() => new Generation(directory, 1, mode)).toThrow('cannot open');
    expect(existsSync(generationFile(directory, 1))).toBe(false);
  }
});

test('I5: which generations are gone is not taken back by a process that has deleted fewer', () => {
  const ledger = new TestLedger(makeTempDir(), { ...retention, maxEvents: 1 });
  for (let n = 0; n < 5; n++) ledger.apply(entry(`id-${n}`, '1'));
  const { newest } = ledger.volume;
  expect(newest.setOldest(4)).toBe(true);
  expect(newest.setOldest(3)).toBe(true);
  expect(newest.state().oldest).toBe(4);
  ledger.close();
});

test('whether a file holds events is seen in its log, too, and leaves nothing beside it', () => {
  const ledger = new TestLedger(makeTempDir());
  const file = generationFile(ledger.directory, 1);
  const there = () => ['-wal', '-shm'].map((suffix) => existsSync(file + suffix));
  ledger.close();
  expect(holdsEvents(file)).toBe(false);
  expect(there()).toEqual([false, false]);
  const again = new TestLedger(ledger.directory);
  again.apply(entry('a', '1'));
  expect(holdsEvents(file)).toBe(true);
  again.close();
  expect(there()).toEqual([false, false]);
  expect(holdsEvents(file)).toBe(true);
  expect(holdsEvents(generationFile(ledger.directory, 2))).toBe(false);
});
