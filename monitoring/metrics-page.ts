// docs/metrics.md, as text: every metric of every part with its type, unit, labels and meaning.

import type { Metric } from './exposition.ts';
import { isOfProcess, readParts } from './parts.ts';

const intro = `# Metrics

Every part answers \`GET /metrics\` in Prometheus's text format: add on its one port, accumulate and the log on theirs. Counters
and histograms are of one process and begin with it, every series of theirs at 0. What is called \`tally_ledger_*\` or
\`tally_total*\` is of the volume: each process that holds it says the same, so take \`max\`, never \`sum\`. NaN means that a
part does not know just now. A log on Kafka has no volume. A metric without a unit is a number of things, or as its
meaning says.

What watches them: [monitoring](../monitoring/README.md). This page is generated, by \`npm run metrics:docs\`.`;

/** Whose values nobody can list. */
const openLabels: Readonly<Record<string, string>> = { total: 'the name of a total' };

export async function metricsPage(): Promise<string> {
  const parts = [...(await readParts())];
  const own = parts.map(([part, metrics]) => {
    const rows = metrics.filter((metric) => !isOfProcess(metric)).map(toRow);
    return table(part, ['metric', 'type', 'unit', 'labels', 'meaning'], rows);
  });
  const [[, any] = ['', []]] = parts;
  const ofProcess = any
    .filter(isOfProcess)
    .map(({ name, type, help }) => [`\`${name}\``, type, unitOf(name), help]);
  const shared = table('Of every process', ['metric', 'type', 'unit', 'meaning'], ofProcess);
  return [intro, ...own, shared].join('\n\n');
}

function toRow({ name, type, help, labels }: Metric): string[] {
  const described = [...labels].map(([label, values]) => {
    const list = openLabels[label] ?? [...values].map((value) => `\`${value}\``).join(' ');
    return `\`${label}\`: ${list}`;
  });
  return [`\`${name}\``, type, unitOf(name), described.join('; '), help];
}

/** By the names that Prometheus asks for: https://prometheus.io/docs/practices/naming/#base-units. */
function unitOf(name: string): string {
  const base = name.replace(/_total$/, '');
  if (base.endsWith('_timestamp_seconds') || base.endsWith('_start_time_seconds')) return 'Unix time, s';
  if (base.endsWith('_seconds')) return 's';
  return base.endsWith('_bytes') ? 'bytes' : '';
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [`## ${title}`, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
