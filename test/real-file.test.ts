// A real file of amounts through the real system, which is killed in the middle: the daily prices of the S&P 500 from
// 2000 on, 5,104 rows with up to six decimals, as the package vega-datasets ships them.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';
import { Decimal } from 'decimal.js';

import { runTally, startTally } from '../client/testing/command.ts';
import { verifyDirectory } from '../functions/accumulate/ledger/fixtures.ts';
import type { LogStatus } from '../local/log/status.ts';
import { type LocalSystem, startLocalSystem } from './local-system.ts';
import { makeTempDir } from './temp-dir.ts';
import { getPage } from './test-log.ts';
import { until } from './until.ts';

const file = fileURLToPath(new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url));
const parts = ['add', 'accumulate', 'log'] as const;

test('killed in the middle of an import and started again, the total of the file is right to the digit', async () => {
  const rows = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  const amounts = rows.map((row) => new Decimal(row.split(',')[5] ?? ''));
  Decimal.set({ precision: 60 });
  const expected = amounts.reduce((sum, amount) => sum.plus(amount)).toFixed();
  expect(rows.length).toBeGreaterThanOrEqual(3_000);

  const directory = makeTempDir();
  const env = { DATA_DIR: directory, LOG_LEVEL: 'error' };
  const args = ['import', file, '--amount', 'adjclose', '--id', 'date', '--total', 'sp500', '--json'];

  const first = startLocalSystem(env);
  const interrupted = startTally([...args, '--patience', '2s'], await addresses(first));
  await until('a part of the file is in the log', async () => (await logStatus(first)).records > 500);
  const pids = [
    first.child.pid,
    ...(await Promise.all(parts.map(async (part) => (await first.part(part)).pid))),
  ];
  for (const pid of pids) if (pid !== undefined) process.kill(pid, 'SIGKILL');
  expect(await interrupted.ended).toMatchObject({ code: 4 });

  const second = startLocalSystem(env);
  const where = await addresses(second);
  const stored = (await logStatus(second)).records;
  expect(stored).toBeGreaterThan(500);
  expect(stored).toBeLessThan(rows.length);
  for (let time = 0; time < 2; time++) {
    expect(await runTally([...args, '--wait'], where)).toMatchObject({ code: 0 });
    const { stdout } = await runTally(['total', 'sp500', '--json'], where);
    expect(JSON.parse(stdout)).toMatchObject({ total: expected, count: rows.length });
  }
  second.child.kill('SIGTERM');
  expect(await second.ended()).toBe(0);
  expect(verifyDirectory(directory)).toEqual([]);
}, 180_000);

async function addresses(system: LocalSystem): Promise<Record<string, string>> {
  const [add, accumulate] = await Promise.all([system.part('add'), system.part('accumulate')]);
  return { TALLY_ADD: add.address, TALLY_URL: `http://${accumulate.address}` };
}

async function logStatus(system: LocalSystem): Promise<LogStatus> {
  return getPage<LogStatus>(`http://${(await system.part('log')).address}`, '/status');
}
