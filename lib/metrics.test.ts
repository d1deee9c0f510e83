import { expect, test } from '@jest/globals';

import { Counter, ProcessRegistry } from './metrics.ts';

test('the first scrape tells of the process, each later one once, and so do two at a time', async () => {
  const registry = new ProcessRegistry();
  new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc();
  expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(['things_total']);
  const scrapes = await Promise.all([registry.metrics(), registry.metrics()]);
  scrapes.push(await registry.metrics());
  for (const text of scrapes) {
    expect(text).toContain('things_total 1');
    expect(text.match(/^process_cpu_seconds_total /gm)).toHaveLength(1);
    expect(text.match(/^# TYPE nodejs_gc_duration_seconds /gm)).toHaveLength(1);
  }
});
