import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, expect, test } from '@jest/globals';

import { makeTempDir } from '../../../test/temp-dir.ts';
import { Claim } from './claim.ts';
import { entry, retention, TestLedger, verifyDirectory } from './fixtures.ts';
import { generationFile } from './generation-file.ts';
import { Volume } from './volume.ts';

let directory: string;
let aside: string;

beforeEach(() => {
  directory = makeTempDir();
  aside = makeTempDir();
});

/** Files of a ledger of three generations, aside as a restore has them. */
function makeGenerations(): string[] {
  const ledger = new TestLedger(aside, { ...retention, maxEvents: 10 });
  for (let n = 0; n < 25; n++) ledger.apply(entry(`id-${n}`, '1'));
  ledger.close();
  return [1, 2, 3].map((number) => generationFile(aside, number));
}

/** Takes the directory in a process that is killed then. */
function interrupt(): void {
  const module = new URL('claim.ts', import.meta.url).href;
  const script = `import { Claim } from '${module}'; new Claim('${directory}', '${aside}');
    process.kill(process.pid, 'SIGKILL')`;
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  expect([signal, stderr.toString()]).toEqual(['SIGKILL', '']);
}

test('a directory that is taken is no ledger and cannot become one, until it is released', () => {
  const claim = new Claim(directory, aside);
  for (const mode of ['read', 'write'] as const) {
    expect(() => new Volume(directory, mode)).toThrow(/ledger-00000001\.db is damaged: .*not a database/);
  }
  expect(readFileSync(generationFile(directory, 1), 'utf8')).toContain('run "tally restore" again');
  claim.release();
  expect(readdirSync(directory)).toEqual([]);
  new TestLedger(directory).close();
});

test.each([[[]], [[3]], [[2]], [[3, 2]]])(
  'I5: with %j in place when a restore is killed there is no ledger, and the next restore begins anew',
  (numbers) => {
    const paths = makeGenerations();
    interrupt();
    for (const number of numbers) {
      copyFileSync(generationFile(aside, number), generationFile(directory, number));
    }
    for (const mode of ['read', 'write'] as const) {
      expect(() => new Volume(directory, mode)).toThrow(/ledger-00000001\.db is damaged/);
    }
    const claim = new Claim(directory, aside);
    expect(readdirSync(directory)).toEqual(['ledger-00000001.db']);
    claim.replaceBy(paths);
    claim.release();
    expect(verifyDirectory(directory)).toEqual([]);
    expect(new TestLedger(directory).read()).toEqual({ total: '25', count: 25 });
  },
);

test('I5: what is put in place is no ledger before the last step', () => {
  const paths = makeGenerations();
  const claim = new Claim(directory, aside);
  // The last step fails.
  expect(() => {
    claim.replaceBy([join(aside, 'missing', 'ledger-00000001.db'), ...paths.slice(1)]);
  }).toThrow('ENOENT');
  expect(readdirSync(directory)).toEqual([1, 2, 3].map((number) => generationFile('.', number)));
  expect(() => new Volume(directory, 'read')).toThrow(/ledger-00000001\.db is damaged/);
  claim.replaceBy(paths.slice(0, 1));
  expect(verifyDirectory(directory)).toEqual([]);
});

test('a totals.json that a killed process was just writing is no ledger', () => {
  writeFileSync(join(directory, 'totals.json.4711'), '{');
  new Claim(directory, aside).replaceBy(makeGenerations());
  expect(verifyDirectory(directory)).toEqual([]);
});

test.each([['ledger-00000001.db'], ['ledger-00000002.db'], ['ledger-00000002.db-wal'], ['totals.json']])(
  'a directory with %s, which may be all that is left of a ledger, is not taken',
  (name) => {
    writeFileSync(join(directory, name), 'x');
    expect(() => new Claim(directory, aside)).toThrow('holds a ledger');
    expect(readdirSync(directory)).toEqual([name]);
  },
);
