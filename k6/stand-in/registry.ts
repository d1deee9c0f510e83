// What was measured, by metric, and the values that a summary and thresholds look at.

export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend';

interface Metric {
  readonly type: MetricType;
  readonly isTime: boolean;
  readonly samples: number[];
  sum: number;
}

export type Values = Readonly<Record<string, number>>;
/** For each metric, for each rule, whether it is met. */
export type ThresholdResults = Readonly<Record<string, Readonly<Record<string, { readonly ok: boolean }>>>>;

export class Registry {
  readonly #metrics = new Map<string, Metric>();
  readonly #startedMs = performance.now();

  /** Once for each user's script: the metric is one. */
  define(type: MetricType, name: string, isTime = false): Metric {
    const known = this.#metrics.get(name);
    if (known !== undefined) {
      if (known.type !== type) throw new Error(`${name} is a ${known.type}, not a ${type}`);
      return known;
    }
    const metric = { type, isTime, samples: [], sum: 0 };
    this.#metrics.set(name, metric);
    return metric;
  }

  add(type: MetricType, name: string, value: number | boolean, isTime = false): void {
    const metric = this.define(type, name, isTime);
    metric.sum += Number(value);
    // A counter's sum is all there is to it.
    if (type === 'counter') metric.samples.length = 1;
    else metric.samples.push(Number(value));
  }

  /** By the names that thresholds use; nothing for a metric without a value. */
  values(name: string, trendStats: readonly string[]): Values | undefined {
    const metric = this.#metrics.get(name);
    if (metric === undefined || metric.samples.length === 0) return undefined;
    const { type, samples, sum } = metric;
    switch (type) {
      case 'counter':
        return { count: sum, rate: (sum * 1_000) / (performance.now() - this.#startedMs) };
      case 'gauge':
        return { value: samples.at(-1) ?? NaN, min: Math.min(...samples), max: Math.max(...samples) };
      case 'rate':
        return { rate: sum / samples.length, passes: sum, fails: samples.length - sum };
      case 'trend': {
        const sorted = samples.toSorted((x, y) => x - y);
        return Object.fromEntries(trendStats.map((stat) => [stat, trendStatistic(stat, sorted, sum)]));
      }
    }
  }

  summary(trendStats: readonly string[], thresholds: ThresholdResults): Record<string, unknown> {
    const names = new Set([...this.#metrics.keys(), ...Object.keys(thresholds)]);
    return Object.fromEntries(
      [...names].flatMap((name) => {
        const metric = this.#metrics.get(name);
        const values = this.values(name, trendStats);
        if (values === undefined && thresholds[name] === undefined) return [];
        const contains = metric?.isTime === true ? 'time' : 'default';
        const own = thresholds[name] && { thresholds: thresholds[name] };
        return [
          [name, { type: metric?.type ?? 'counter', contains, values: values ?? { count: 0 }, ...own }],
        ];
      }),
    );
  }
}

/** @param sorted at least one */
function trendStatistic(statistic: string, sorted: readonly number[], sum: number): number {
  const at = (percent: number): number => {
    const place = (percent / 100) * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)] ?? NaN, sorted[Math.ceil(place)] ?? NaN];
    return below + (above - below) * (place % 1);
  };
  switch (statistic) {
    case 'avg':
      return sum / sorted.length;
    case 'min':
      return at(0);
    case 'med':
      return at(50);
    case 'max':
      return at(100);
    case 'count':
      return sorted.length;
  }
  const [, percent] = /^p\((\d+(?:\.\d+)?)\)$/.exec(statistic) ?? [];
  if (percent === undefined) throw new Error(`not a statistic of a trend: ${statistic}`);
  return at(Number(percent));
}
