// The volume is lost, with events on it that came after the backup: restored, and with the log delivering again from
// before the backup, every total is what it was, and the audit proves it. Real processes under load.

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import type { Audit } from '../audit/audit.ts';
import { runTally } from '../client/testing/command.ts';
import { verifyDirectory } from '../functions/accumulate/ledger/fixtures.ts';
import { Reader } from '../functions/accumulate/ledger/reader.ts';
import type { EmbeddedLogStatus } from '../local/log/status.ts';
import { Store } from '../local/log/store.ts';
import { createAdder, isOk } from './adder-client.ts';
import { PartProcess } from './part-process.ts';
import { makeTempDir } from './temp-dir.ts';
import { getPage } from './test-log.ts';
import { until } from './until.ts';

const clients = 12;

interface Totals {
  readonly totals: readonly { readonly name: string; readonly total: string; readonly count: number }[];
}

test('I1, I2, I3, I5: a restored backup and a replay of the log bring every total back exactly', async () => {
  const [volume, logVolume] = [makeTempDir(), makeTempDir()];
  const backup = join(makeTempDir(), 'backup');
  // Small files, so that there are several in the backup.
  const accumulate = new PartProcess('accumulate', { DATA_DIR: volume, GENERATION_MAX_EVENTS: '1000' });
  await accumulate.start();
  const log = new PartProcess('log', {
    DATA_DIR: logVolume,
    SUBSCRIBER: accumulate.url,
    DELIVERY_BACKOFF: '20ms',
    LOG_COMMIT_INTERVAL: '50ms',
  });
  await log.start();
  // Patient, so that nothing is stored twice and offsets can be counted on.
  const patience = { SINK_ATTEMPT_TIMEOUT: '30s', ADD_TIMEOUT: '30s' };
  const add = await new PartProcess('add', { K_SINK: `${log.url}/default/sums`, ...patience }).start();
  const adder = createAdder(add.address, 60_000);

  let stopping = false;
  let acknowledged = 0;
  const load = Array.from({ length: clients }, async (_, client) => {
    while (!stopping) {
      const request = { requestId: randomUUID(), a: '0.1', b: '0.02', total: `t${client % 3}` };
      while (!isOk(await adder(request)));
      acknowledged++;
    }
  });
  const reach = (count: number) => until(`${count} are acknowledged`, () => acknowledged >= count);

  await reach(1_200);
  // Everything before this offset is counted before the backup is made.
  const { committedOffset } = await getPage<EmbeddedLogStatus>(log.url, '/status');
  expect(committedOffset).toBeGreaterThan(0);
  await reach(acknowledged + 300);
  expect(await runTally(['backup', '--data-dir', volume, '--to', backup])).toMatchObject({ code: 0 });
  await reach(acknowledged + 1_500);
  stopping = true;
  await Promise.all(load);
  await delivered(log);
  const before = await getPage<Totals>(accumulate.url, '/totals');
  expect(countOf(before)).toBe(acknowledged);

  await accumulate.kill();
  rmSync(volume, { recursive: true });
  expect(await runTally(['restore', '--from', backup, '--data-dir', volume])).toMatchObject({ code: 0 });
  await accumulate.start();
  const restored = countOf(await getPage<Totals>(accumulate.url, '/totals'));
  expect(restored).toBeGreaterThanOrEqual(committedOffset);
  expect(acknowledged - restored).toBeGreaterThanOrEqual(1_000);

  // What the backup lacks is known, each by its id.
  const lacking = await audit(volume, log.url);
  expect(lacking).toMatchObject({ code: 1, result: { ids: { counted: restored, inFlight: 0 } } });
  expect(countsOf(lacking.result)).toEqual({ ...noDifferences, missing: acknowledged - restored });

  // As an operator rewinds the log: while it is stopped, to some time before the backup.
  expect(await log.stop()).toBe(0);
  const store = new Store(join(logVolume, 'log.db'));
  store.saveOffset(committedOffset);
  store.close();
  await log.start();
  const again = await delivered(log);
  expect(again.delivered).toBe(again.nextOffset - committedOffset);

  const withoutTimes = ({ totals }: Totals) =>
    totals.map(({ name, total, count }) => ({ name, total, count }));
  expect(withoutTimes(await getPage<Totals>(accumulate.url, '/totals'))).toEqual(withoutTimes(before));
  const whole = await audit(volume, log.url);
  expect(whole).toMatchObject({
    code: 0,
    result: { ids: { counted: acknowledged, inFlight: 0 }, totals: [] },
  });
  expect(countsOf(whole.result)).toEqual(noDifferences);
  expect(await accumulate.stop()).toBe(0);
  expect(verifyDirectory(volume)).toEqual([]);
  // Some of what came again was in the backup already.
  const reader = new Reader(volume);
  expect(reader.status().duplicates).toBeGreaterThanOrEqual(restored - committedOffset);
  reader.close();
}, 180_000);

const noDifferences = { missing: 0, withoutRecord: 0, otherAmount: 0, countedAgain: 0, refused: 0 };

function countsOf({ differences }: Audit): Record<string, number> {
  return Object.fromEntries(Object.entries(differences).map(([kind, { count }]) => [kind, count]));
}

async function audit(volume: string, log: string): Promise<{ code: number | null; result: Audit }> {
  const { code, stdout } = await runTally(['audit', '--data-dir', volume, '--log', log, '--json']);
  return { code, result: JSON.parse(stdout) as Audit };
}

function countOf({ totals }: Totals): number {
  return totals.reduce((sum, { count }) => sum + count, 0);
}

function delivered(log: PartProcess): Promise<EmbeddedLogStatus> {
  return until('everything is delivered', async () => {
    const status = await getPage<EmbeddedLogStatus>(log.url, '/status');
    expect(status.deadLetters).toBe(0);
    return status.committedOffset === status.nextOffset && status;
  });
}
