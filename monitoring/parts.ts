// What each part tells Prometheus, read from the registries that the parts have.

import { createMetrics as createAccumulateMetrics } from '../functions/accumulate/metrics.ts';
import { Metrics as AddMetrics } from '../functions/add/metrics.ts';
import { defaultTotal } from '../lib/names.ts';
import { createMetrics as createLogMetrics } from '../local/log/metrics.ts';
import { type Metric, parseExposition } from './exposition.ts';

export type PartName = 'add' | 'accumulate' | 'log';

/** The metrics of each part, in their order; with those of the process itself. */
export async function readParts(): Promise<ReadonlyMap<PartName, readonly Metric[]>> {
  const add = new AddMetrics(
    () => 0,
    () => true,
  );
  const accumulate = createAccumulateMetrics({
    status: () => ({
      seq: 0,
      duplicates: 0,
      knownIds: 0,
      generations: 1,
      oldestOpenedAt: 0,
      bytes: 0,
      totals: 1,
    }),
    totals: () => [{ name: defaultTotal, total: '0', count: 0, version: 0, updatedAt: 0, setHash: 0n }],
    isReady: () => true,
    streams: () => 0,
    directory: '.',
  });
  const log = createLogMetrics({
    status: () => {
      throw new Error('there is no log');
    },
    isReady: () => true,
    directory: '.',
  });
  const texts = await Promise.all([add.registry.metrics(), accumulate.text(), log.text()]);
  const [ofAdd = [], ofAccumulate = [], ofLog = []] = texts.map(parseExposition);
  return new Map([
    ['add', ofAdd],
    ['accumulate', ofAccumulate],
    ['log', ofLog],
  ]);
}

/** Whether it is prom-client that knows of it, the same in every part. */
export function isOfProcess({ name }: Metric): boolean {
  return /^(?:process|nodejs)_/.test(name);
}

/** The names of its series, by which queries ask for it. */
export function seriesNames({ name, type }: Metric): string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name];
}
