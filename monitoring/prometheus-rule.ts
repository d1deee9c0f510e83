// The rules of monitoring/rules as the Prometheus operator takes them: `npm run monitoring` reads the files themselves.

import { readFileSync } from 'node:fs';

import { parseDocument, stringify } from 'yaml';

const ruleFiles = ['recording.yaml', 'alerts.yaml'] as const;

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export function readRuleGroups(): RuleGroup[] {
  return ruleFiles.flatMap((file) => {
    const text = readFileSync(new URL(`rules/${file}`, import.meta.url), 'utf8');
    return (parseDocument(text).toJS() as { groups: RuleGroup[] }).groups;
  });
}

export function prometheusRule(): string {
  const object = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'tally', labels: { 'app.kubernetes.io/part-of': 'tally' } },
    spec: { groups: readRuleGroups() },
  };
  return `# Generated from monitoring/rules by \`npm run monitoring:generate\`.\n${stringify(object, { lineWidth: 0 })}`;
}
