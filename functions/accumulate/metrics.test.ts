import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, describe, expect, test } from '@jest/globals';

import { AppError } from '../../lib/errors.ts';
import { parseExposition } from '../../monitoring/exposition.ts';
import { startAccumulate, type TestAccumulate } from '../../test/accumulate.ts';
import { structuredEvent } from '../../test/sum-event.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { Ledger } from './ledger/ledger.ts';
import { createMetrics } from './metrics.ts';

let accumulate: TestAccumulate;
beforeEach(async () => {
  accumulate = await startAccumulate();
});

/** All series of the metrics with their values. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const response = await accumulate.get('/metrics');
  expect(response.status).toBe(200);
  return new Map(parseExposition(await response.text()).flatMap(({ series }) => [...series]));
}

/** The values that are not 0, by their label. */
function counted(series: ReadonlyMap<string, number>, metric: string): Record<string, number> {
  const values = [...series].filter(([name, value]) => name.startsWith(`${metric}{`) && value !== 0);
  return Object.fromEntries(values.map(([name, value]) => [/"(.*)"/.exec(name)?.[1] ?? '', value]));
}

describe('events', () => {
  test('every outcome and every refusal is there from the start, as 0', async () => {
    const series = await scrape();
    const outcomes = ['applied', 'duplicate', 'conflict', 'rejected', 'failed'];
    for (const outcome of outcomes)
      expect(series.get(`tally_accumulate_events_total{outcome="${outcome}"}`)).toBe(0);
    for (const code of ['conflict', 'expired', 'invalid', 'unavailable', 'damaged'])
      expect(series.get(`tally_accumulate_refusals_total{code="${code}"}`)).toBe(0);
  });

  test('count once each, by what came of them', async () => {
    await accumulate.add('x', '1');
    await accumulate.add('x', '1');
    await accumulate.add('x', '2');
    await accumulate.add('y', 'two');
    await accumulate.add('old', '1', { time: '2001-01-01T00:00:00Z' });
    await accumulate.add('ahead', '1', { time: new Date(Date.now() + 3 * 86_400_000).toISOString() });
    await accumulate.addBatch([structuredEvent('x', '1'), structuredEvent('z', '1')]);
    const series = await scrape();
    expect(counted(series, 'tally_accumulate_events_total')).toEqual({
      applied: 2,
      duplicate: 2,
      conflict: 1,
      rejected: 2,
      failed: 1,
    });
    expect(counted(series, 'tally_accumulate_refusals_total')).toEqual({
      conflict: 1,
      invalid: 1,
      expired: 1,
      unavailable: 1,
    });
  });

  test('have their age when they are counted, where they carry a time, and never a negative one', async () => {
    const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();
    await accumulate.add('a', '1', { time: ago(100) });
    await accumulate.add('a', '1', { time: ago(100) });
    await accumulate.add('b', '1', { time: ago(-100) });
    await accumulate.add('c', '1');
    const series = await scrape();
    const bucket = (le: string): number | undefined =>
      series.get(`tally_accumulate_event_age_seconds_bucket{le="${le}"}`);
    expect([bucket('0.01'), bucket('60'), bucket('300'), bucket('+Inf')]).toEqual([1, 1, 2, 2]);
    const sum = series.get('tally_accumulate_event_age_seconds_sum') ?? 0;
    expect([sum >= 100, sum < 160]).toEqual([true, true]);
  });
});

describe('the volume', () => {
  test('has its totals, its ids and its size', async () => {
    const before = Date.now() / 1_000;
    await accumulate.add('a', '0.1', { total: 'sales' });
    await accumulate.add('b', '0.2', { total: 'sales' });
    await accumulate.add('c', `1${'0'.repeat(400)}`, { total: 'huge' });
    const series = await scrape();
    expect(counted(series, 'tally_total_value')).toEqual({ sales: 0.3, huge: Number.POSITIVE_INFINITY });
    expect(counted(series, 'tally_total_events')).toEqual({ sales: 2, huge: 1 });
    expect(series.get('tally_totals')).toBe(2);
    expect(series.get('tally_ledger_known_ids')).toBe(3);
    const oldest = series.get('tally_ledger_oldest_id_timestamp_seconds') ?? 0;
    expect([oldest > before - 60, oldest <= before]).toEqual([true, true]);
    const files = readdirSync(accumulate.directory).filter((name) => name.startsWith('ledger-'));
    const bytes = files.reduce((sum, name) => sum + statSync(join(accumulate.directory, name)).size, 0);
    expect(series.get('tally_ledger_bytes')).toBe(bytes);
    const [size = 0, free = 0] = ['size', 'free'].map((what) => series.get(`tally_volume_${what}_bytes`));
    expect([free > 0, size > free]).toEqual([true, true]);
  });

  test('shows the first 100 totals by name, and how many there are', async () => {
    const events = Array.from({ length: 130 }, (_, n) =>
      structuredEvent(`id-${n}`, '1', { total: `total-${String(n).padStart(3, '0')}` }),
    );
    expect((await accumulate.addBatch(events)).status).toBe(204);
    const series = await scrape();
    const shown = Object.keys(counted(series, 'tally_total_value'));
    expect([shown.length, shown.at(0), shown.at(-1)]).toEqual([100, 'total-000', 'total-099']);
    expect(Object.keys(counted(series, 'tally_total_events'))).toEqual(shown);
    expect(series.get('tally_totals')).toBe(130);
  });

  test('is not known while the ledger cannot be read, which keeps nothing else from being told', async () => {
    const directory = makeTempDir();
    const ledger = await Ledger.open(
      { directory, retention: { windowMs: 86_400_000, maxEvents: 1_000 }, lockWaitMs: 1_000 },
      { onFatal: () => undefined },
    );
    const metrics = createMetrics({
      status: () => ledger.status(),
      totals: (limit) => ledger.totals('', limit),
      isReady: () => ledger.problem() === undefined,
      streams: () => 0,
      directory,
    });
    const read = async () =>
      new Map(parseExposition(await metrics.text()).flatMap(({ series }) => [...series]));
    const before = await read();
    expect([before.get('tally_ready'), before.get('tally_ledger_events')]).toEqual([1, 0]);
    metrics.countRefusal(new AppError('damaged', 'it is'));
    await ledger.close();
    const series = await read();
    expect(series.get('tally_ready')).toBe(0);
    expect(series.get('tally_ledger_events')).toBeNaN();
    expect(series.get('tally_totals')).toBeNaN();
    expect(counted(series, 'tally_accumulate_events_total')).toEqual({ failed: 1 });
    expect(series.get('tally_volume_free_bytes')).toBeGreaterThan(0);
  });
});
