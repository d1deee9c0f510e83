// In which order generations go, as the file system is told. The simulation looks at what a power cut leaves of that, but
// one in tens of thousands of its runs has two processes end in the midst of it.

import * as fs from 'node:fs';
import { basename, join } from 'node:path';

import { expect, jest, test } from '@jest/globals';

import { makeTempDir } from '../../../test/temp-dir.ts';

let calls: string[] = [];
const opened = new Map<number, string>();

jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  openSync: (path: string, flags: string) => {
    const fd = fs.openSync(path, flags);
    opened.set(fd, path);
    return fd;
  },
  fsyncSync: (fd: number) => {
    fs.fsyncSync(fd);
    calls.push(`fsync ${basename(opened.get(fd) ?? '')}`);
  },
  rmSync: (path: string, options: fs.RmOptions) => {
    fs.rmSync(path, options);
    calls.push(`rm ${basename(path)}`);
  },
}));
const { entry, retention, TestLedger } = await import('./fixtures.ts');
const { generationFile } = await import('./generation-file.ts');
const { Volume } = await import('./volume.ts');

test('I5: a generation goes when those before it are gone for good, also where another process deleted them', () => {
  const directory = makeTempDir();
  const aside = makeTempDir();
  const ledger = new TestLedger(directory, { ...retention, maxEvents: 2 });
  for (let n = 0; n < 8; n++) ledger.apply(entry(`id-${n}`, '1'));
  for (const name of fs.readdirSync(directory)) fs.copyFileSync(join(directory, name), join(aside, name));
  ledger.now += 40 * 86_400_000;
  for (let n = 8; n < 12; n++) ledger.apply(entry(`id-${n}`, '1', { time: ledger.now }));
  ledger.close();
  // As processes leave it that ended in the midst: the first is gone, perhaps on no disk.
  for (const file of [2, 3].map((number) => generationFile(directory, number))) {
    expect(fs.existsSync(file)).toBe(false);
    fs.copyFileSync(join(aside, basename(file)), file);
  }

  calls = [];
  new Volume(directory, 'write').close();
  const names = calls
    .filter((call) => call.endsWith('.db') || call === `fsync ${basename(directory)}`)
    .map((call) => (call.startsWith('rm') ? call : 'fsync'));
  expect(names.filter((call, n) => call !== names[n - 1])).toEqual([
    'fsync',
    ...['rm ledger-00000002.db', 'fsync', 'rm ledger-00000002.db'],
    ...['rm ledger-00000003.db', 'fsync', 'rm ledger-00000003.db'],
  ]);
});
