// What the parts of a real system say to Prometheus is what docs/metrics.md lists, and named as Prometheus wants it.

import { spawnSync } from 'node:child_process';

import { expect, test } from '@jest/globals';

import { type Metric, parseExposition } from '../monitoring/exposition.ts';
import { isOfProcess, type PartName, readParts } from '../monitoring/parts.ts';
import { startLocalSystem } from './local-system.ts';
import { promtoolMissing } from './promtool.ts';
import { makeTempDir } from './temp-dir.ts';

const parts: readonly PartName[] = ['add', 'accumulate', 'log'];

async function scrape(): Promise<string[]> {
  const system = startLocalSystem({ DATA_DIR: makeTempDir(), LOG_LEVEL: 'error' });
  const addresses = await Promise.all(parts.map((part) => system.part(part)));
  return Promise.all(addresses.map(async ({ address }) => (await fetch(`http://${address}/metrics`)).text()));
}

/** Name, type and labels with their values; a total is nobody's before something is added to it. */
function outline(metrics: readonly Metric[] | undefined): unknown[] | undefined {
  return metrics
    ?.filter((metric) => !isOfProcess(metric))
    .map(({ name, type, labels }) => [name, type, [...labels].filter(([label]) => label !== 'total')]);
}

test('what each part says is what is documented, every series from the start', async () => {
  const texts = await scrape();
  const documented = await readParts();
  for (const [index, part] of parts.entries()) {
    const said = outline(parseExposition(texts[index] ?? ''));
    expect(said?.length).toBeGreaterThan(5);
    expect(said).toEqual(outline(documented.get(part)));
  }
});

test('every part says that it is ready, and has counted nothing yet', async () => {
  for (const text of await scrape()) {
    const metrics = parseExposition(text);
    expect(metrics.find(({ name }) => name === 'tally_ready')?.series.get('tally_ready')).toBe(1);
    const counters = metrics.filter((metric) => metric.type === 'counter' && !isOfProcess(metric));
    expect(counters.filter(({ series }) => series.size === 0)).toEqual([]);
    expect(counters.flatMap(({ series }) => [...series.values()]).filter((value) => value !== 0)).toEqual([]);
  }
});

(promtoolMissing === '' ? test : test.skip)(
  `names, types and units are as Prometheus asks for${promtoolMissing}`,
  async () => {
    for (const text of await scrape()) {
      const own = text.split(/^(?=# HELP )/m).filter((block) => block.startsWith('# HELP tally_'));
      const input = `${own.join('').trimEnd()}\n`;
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input,
        encoding: 'utf8',
      });
      expect([status, stdout + stderr]).toEqual([0, '']);
    }
  },
);
