// The rules and alerts of monitoring/: their own tests, by promtool, and that what they name is there.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';

import { isOfProcess, readParts, seriesNames } from '../monitoring/parts.ts';
import { readRuleGroups } from '../monitoring/prometheus-rule.ts';
import { kustomizeMissing, parseManifests, renderFor } from './manifests/kustomize.ts';
import { metricsIn } from './promql.ts';
import { promtool, promtoolMissing } from './promtool.ts';
import { makeTempDir } from './temp-dir.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const rules = readRuleGroups().flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const testFiles = readdirSync(join(root, 'monitoring/rules/tests'));
const testWithPromtool = promtoolMissing === '' ? test : test.skip;

describe('promtool', () => {
  testWithPromtool(`takes the rules${promtoolMissing}`, () => {
    expect(promtool('check', 'rules', '--lint=all', '--lint-fatal', 'recording.yaml', 'alerts.yaml')).toEqual(
      [0, expect.stringContaining('SUCCESS')],
    );
  });

  testWithPromtool.each(testFiles)(
    `finds that alerts fire when they should, and only then: %s${promtoolMissing}`,
    (file) => {
      expect(promtool('test', 'rules', `tests/${file}`)).toEqual([0, expect.stringContaining('SUCCESS')]);
    },
  );
});

describe('an alert', () => {
  test('has a name of its own, a severity, and words for who reads it', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations } of alerts) {
      expect([alert, labels?.['severity']]).toEqual([alert, expect.stringMatching(/^(?:critical|warning)$/)]);
      expect(Object.keys(annotations ?? {})).toEqual(['summary', 'description', 'runbook']);
    }
  });

  test('is tested to fire and not to fire', () => {
    const cases = testFiles.flatMap((file) => {
      const text = readFileSync(join(root, 'monitoring/rules/tests', file), 'utf8');
      const { tests } = parseDocument(text).toJS() as { tests: readonly RuleTest[] };
      return tests.flatMap(({ alert_rule_test: byName = [], promql_expr_test: byQuery = [] }) => [
        ...byName.map(
          ({ alertname, exp_alerts: expected }) => [`^${alertname}$`, expected.length > 0] as const,
        ),
        ...byQuery.map(({ expr, exp_samples: expected = [] }) => {
          const [, name = ''] = /alertname=~?"([^"]*)"/.exec(expr) ?? [];
          return [`^(?:${name})$`, expected.length > 0] as const;
        }),
      ]);
    });
    const tested = (name: string, fires: boolean): boolean =>
      cases.some(([pattern, expected]) => expected === fires && new RegExp(pattern).test(name));
    const names = alerts.map(({ alert = '' }) => alert);
    expect(names.filter((name) => !tested(name, true) || !tested(name, false))).toEqual([]);
  });

  test('leads to a place in docs/operations.md, which says what it means', () => {
    const text = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(
      ([, heading = '']) => `docs/operations.md#${heading.toLowerCase().replaceAll(' ', '-')}`,
    );
    const described = text.slice(text.indexOf('\n## Alerts'), text.indexOf('\n## Signs'));
    const names = [...described.matchAll(/^\| `(Tally\w+)`/gm)].map(([, name]) => name);
    expect(names.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
    const lost = alerts.filter(({ annotations }) => !anchors.includes(annotations?.['runbook'] ?? ''));
    expect(lost).toEqual([]);
  });
});

interface RuleTest {
  readonly alert_rule_test?: readonly {
    readonly alertname: string;
    readonly exp_alerts: readonly unknown[];
  }[];
  readonly promql_expr_test?: readonly { readonly expr: string; readonly exp_samples?: readonly unknown[] }[];
}

/** Of Kafka, by kafka_exporter; and what Prometheus itself knows of a target. */
const notOurs = ['kafka_consumergroup_lag', 'kafka_topic_partition_current_offset', 'up'];

test('rules ask for metrics that there are', async () => {
  const parts = [...(await readParts()).values()].flat().filter((metric) => !isOfProcess(metric));
  const known = new Set([...parts.flatMap(seriesNames), ...notOurs]);
  for (const { record } of rules) if (record !== undefined) known.add(record);
  const asked = rules.flatMap(({ expr }) => metricsIn(expr));
  expect(asked.length).toBeGreaterThan(rules.length);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test.each([
  ['a{b="c{d}"}', ['a']],
  ['sum by (le, x) (rate(a_bucket{x=~"y|z"}[5m])) / 3e2 > 0.5', ['a_bucket']],
  [
    'ns:a:rate5m unless on (x) (delta(b[15m]) or min_over_time(c[$__rate_interval]))',
    ['ns:a:rate5m', 'b', 'c'],
  ],
  ['time() - max(a offset 5m)', ['a']],
])('what %j asks for is found', (query, names) => {
  expect(metricsIn(query)).toEqual(names);
});

// prom-client knows less of a process on other systems.
(process.platform === 'linux' ? test : test.skip)('what is generated is as it is committed', () => {
  const { status, stderr } = spawnSync(process.execPath, ['monitoring/generate.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
});

(kustomizeMissing === '' ? test : test.skip)(
  `the components give the rules and the dashboards to a cluster${kustomizeMissing}`,
  () => {
    const components = ['knative/components/monitoring', 'monitoring/dashboards'];
    const text = renderFor(makeTempDir(), { overlay: 'knative/overlays/kafka', components });
    const objects = parseManifests(text);
    const ofKind = (kind: string): unknown[] => objects.filter((object) => object.kind === kind);
    expect(ofKind('PrometheusRule')).toEqual([
      expect.objectContaining({ spec: { groups: readRuleGroups() } }),
    ]);
    const [config] = ofKind('ConfigMap') as { data: Record<string, string> }[];
    const titles = Object.values(config?.data ?? {}).map(
      (json) => (JSON.parse(json) as { title: string }).title,
    );
    expect(titles).toEqual(['Tally: operators', 'Tally: totals']);
  },
);
