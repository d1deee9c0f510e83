// Prometheus's text format, read: which metrics a part has, and which values their labels take.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

export interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** The values of each label, in their order; a bucket's bound is no label here. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
  /** Every series by the text before its value. */
  readonly series: ReadonlyMap<string, number>;
}

/** The metrics, in their order. */
export function parseExposition(text: string): Metric[] {
  return text
    .split(/^# HELP /m)
    .slice(1)
    .map(parseMetric);
}

function parseMetric(block: string): Metric {
  const [help = '', type = '', ...lines] = block.trimEnd().split('\n');
  const name = help.slice(0, help.indexOf(' '));
  const labels = new Map<string, Set<string>>();
  const series = new Map<string, number>();
  for (const line of lines) {
    const end = line.lastIndexOf(' ');
    series.set(line.slice(0, end), Number(line.slice(end + 1).replace('Inf', 'Infinity')));
    for (const [, label = '', value = ''] of line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      if (label === 'le') continue;
      const values = labels.get(label) ?? new Set();
      labels.set(label, values.add(value));
    }
  }
  return {
    name,
    type: type.slice(type.lastIndexOf(' ') + 1),
    help: help.slice(name.length + 1),
    labels,
    series,
  };
}
