import { DatabaseSync } from 'node:sqlite';

import { expect, test } from '@jest/globals';

import { runTally } from '../../client/testing/command.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { entry, TestLedger } from './ledger/fixtures.ts';
import { generationFile } from './ledger/generation-file.ts';

function makeLedger(): string {
  const directory = makeTempDir();
  const ledger = new TestLedger(directory);
  for (let n = 0; n < 2_000; n++) ledger.apply(entry(`id-${n}`, '1.5'));
  ledger.close();
  return directory;
}

test('tally verify says that a whole ledger is as it should be', async () => {
  const directory = makeLedger();
  expect(await runTally(['verify', '--data-dir', directory])).toEqual({
    code: 0,
    stdout: `${directory}: 2000 events, 1 totals, 1 file: all as it should be\n`,
    stderr: '',
  });
});

test('I5: tally verify names what the check at start does not look at, and exits with 1', async () => {
  const directory = makeLedger();
  const db = new DatabaseSync(generationFile(directory, 1));
  db.exec('DELETE FROM ids WHERE seq = 7');
  db.close();
  const { code, stdout } = await runTally(['verify', '--json'], { DATA_DIR: directory });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    problems: [
      expect.stringContaining('1999 marks for 2000 events'),
      expect.stringContaining('event 7 has no mark'),
    ],
  });
});

test('tally verify tells a directory without a ledger from a damaged one', async () => {
  const directory = makeTempDir();
  expect(await runTally(['verify', '--data-dir', directory])).toMatchObject({ code: 2 });
  const { stdout } = await runTally(['verify', '--json', '--data-dir', directory]);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'unavailable' } });
  expect(await runTally(['verify', '--nonsense'])).toMatchObject({ code: 2 });
});
