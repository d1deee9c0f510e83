// What a failed fsync of the directory does. The simulation has those, too; here it is told which one fails.

import * as fs from 'node:fs';

import { beforeEach, expect, jest, test } from '@jest/globals';

import { parseTotalName } from '../../../lib/names.ts';
import { makeTempDir } from '../../../test/temp-dir.ts';

let failing: string | undefined;
const opened = new Map<number, string>();

jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  openSync: (path: string, flags: string) => {
    const fd = fs.openSync(path, flags);
    opened.set(fd, path);
    return fd;
  },
  fsyncSync: (fd: number) => {
    if (opened.get(fd) === failing)
      throw Object.assign(new Error('EIO: i/o error, fsync'), { syscall: 'fsync' });
    fs.fsyncSync(fd);
  },
}));
const { isFsyncFailure } = await import('../../../lib/sqlite.ts');
const { entry, retention, TestLedger } = await import('./fixtures.ts');
const { Reader } = await import('./reader.ts');
const { Volume } = await import('./volume.ts');

const small = { ...retention, maxEvents: 2 };
let directory: string;

beforeEach(() => {
  failing = undefined;
  directory = makeTempDir();
});

test('I5: one while the ledger is opened is known as such, whatever it was made into', () => {
  new TestLedger(directory, small).close();
  failing = directory;
  let thrown: unknown;
  try {
    new Volume(directory, 'write');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'unavailable', message: expect.stringContaining('EIO') as unknown });
  expect(isFsyncFailure(thrown)).toBe(true);
});

test('I5: a reader that follows a seal says when one fails, since the process has to end', () => {
  const ledger = new TestLedger(directory, small);
  const failures: unknown[] = [];
  const reader = new Reader(directory, (error) => failures.push(error));
  for (let n = 0; n < 3; n++) ledger.apply(entry(`id-${n}`, '1'));
  failing = directory;
  expect(() => reader.total(parseTotalName('default'))).toThrow('EIO');
  expect(failures).toHaveLength(1);
  failing = undefined;
  reader.close();
  ledger.close();
});
