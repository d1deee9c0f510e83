// `npm run monitoring` and the dashboards: a real Prometheus scrapes a real local system under a little load, every query of
// every panel has an answer, and every name in it is one that a part or a rule has.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

import { describe, expect, test } from '@jest/globals';

import { listen } from '../lib/http.ts';
import { readParts, seriesNames } from '../monitoring/parts.ts';
import { readRuleGroups } from '../monitoring/prometheus-rule.ts';
import { Child } from './child.ts';
import { createAdder } from './exactness/adder.ts';
import { startLocalSystem } from './local-system.ts';
import { metricsIn } from './promql.ts';
import { promtoolMissing } from './promtool.ts';
import { sumEvent } from './sum-event.ts';
import { makeTempDir } from './temp-dir.ts';
import { until } from './until.ts';

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboards = ['operators', 'totals'].map((name): [string, readonly Panel[]] => {
  const text = readFileSync(new URL(`../monitoring/dashboards/${name}.json`, import.meta.url), 'utf8');
  const { panels } = JSON.parse(text) as { panels: readonly Panel[] };
  return [name, panels.filter(({ type }) => type !== 'row')];
});

function queriesOf(panels: readonly Panel[]): string[] {
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
}

describe('the dashboards', () => {
  test.each(dashboards)('%s: every panel asks, and for metrics that there are', async (_, panels) => {
    expect(panels.length).toBeGreaterThan(5);
    expect(panels.filter(({ targets = [] }) => targets.length === 0)).toEqual([]);
    const known = new Set([...[...(await readParts()).values()].flat().flatMap(seriesNames), 'ALERTS']);
    for (const { record } of readRuleGroups().flatMap(({ rules }) => rules)) known.add(record ?? '');
    const asked = queriesOf(panels).flatMap(metricsIn);
    expect(asked.length).toBeGreaterThanOrEqual(queriesOf(panels).length);
    expect(asked.filter((metric) => !known.has(metric))).toEqual([]);
  });
});

describe('npm run monitoring', () => {
  const run = promtoolMissing === '' ? test : test.skip;

  run(
    `scrapes npm start, so that every panel has an answer, and ends with Ctrl-C${promtoolMissing}`,
    async () => {
      const dataDir = makeTempDir();
      const system = startLocalSystem({ DATA_DIR: dataDir, LOG_LEVEL: 'error' });
      const parts = await Promise.all(
        (['add', 'accumulate', 'log'] as const).map(async (name) => (await system.part(name)).address),
      );
      const [add = '', accumulate = '', log = ''] = parts;
      const port = (address: string): string => address.slice(address.indexOf(':') + 1);
      const prometheusPort = await freePort();
      const monitoring = new Child('monitoring/main.ts', {
        PATH: process.env['PATH'] ?? '',
        DATA_DIR: dataDir,
        ADD_PORT: port(add),
        ACCUMULATE_PORT: port(accumulate),
        LOG_PORT: port(log),
        PROMETHEUS_PORT: String(prometheusPort),
      });
      await monitoring.logged('targets');
      const url = `http://127.0.0.1:${prometheusPort}`;
      const adder = createAdder(add);
      const load = async (): Promise<void> => {
        const request = { requestId: randomUUID(), a: '2', b: '0.1', total: 'sales' };
        await adder.add(request, 5_000);
        await adder.add(request, 5_000);
        // Known by now, with another sum: a conflict, and by way of the log a dead letter.
        const { headers, body } = sumEvent(request.requestId, '7');
        await fetch(`http://${accumulate}/`, { method: 'POST', headers, body });
        await fetch(`http://${log}/default/sums`, { method: 'POST', headers, body });
      };
      try {
        for (const [name, panels] of dashboards) {
          for (const query of queriesOf(panels)) {
            await until(
              `${query} of ${name} has an answer`,
              async () => {
                await load();
                return hasAnswer(url, query);
              },
              50_000,
            );
          }
        }
      } finally {
        adder.close();
        // However it went: nothing else would end Prometheus.
        monitoring.process.kill('SIGINT');
        await monitoring.ended;
      }
      expect(await monitoring.ended).toBe(0);
      await expect(fetch(url)).rejects.toThrow();
    },
    180_000,
  );

  test('says how to install Prometheus where there is none', async () => {
    const monitoring = new Child('monitoring/main.ts', { PATH: makeTempDir(), DATA_DIR: makeTempDir() });
    expect(await monitoring.ended).toBe(1);
    expect(monitoring.output).toContain('apt-get install prometheus');
  });

  test('names every problem of its configuration', async () => {
    const monitoring = new Child('monitoring/main.ts', { ADD_PORT: '0', PROMETHEUS_PORT: 'x' });
    expect(await monitoring.ended).toBe(78);
    expect(monitoring.output).toMatch(/PROMETHEUS_PORT was [^]*ADD_PORT was /);
  });
});

/** Whether the query, its variables filled as Grafana does, gives a value that is a number. */
async function hasAnswer(url: string, expr: string): Promise<boolean> {
  const query = expr.replaceAll('$__rate_interval', '20s').replaceAll(/\$(?:namespace|total)\b/g, '.*');
  const response = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query }),
  });
  const answer = (await response.json()) as {
    readonly status: string;
    readonly error?: string;
    readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
  };
  if (answer.status !== 'success') throw new Error(`${query}: ${answer.error ?? answer.status}`);
  return answer.data.result.some(({ value: [, text] }) => !Number.isNaN(Number(text)));
}

/** One that was free a moment ago: Prometheus tells nobody which one it takes. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0, '127.0.0.1');
  await new Promise((resolve) => server.close(resolve));
  return port;
}
