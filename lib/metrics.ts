// What a process tells Prometheus: prom-client's classes, and what it knows of the process itself.
//
// Not from its entry, which loads a push gateway, an aggregator for clusters and all of OpenTelemetry: a sixth of a start
// and up to 11 MB of a process (docs/adr/0010-start-up.md).

import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';

export { Counter, Gauge, Histogram };

/**
 * A registry that tells of the process too (CPU, memory, event loop, garbage collection). It begins to with its first
 * scrape, which is early enough: a rate has its start in the first value that Prometheus has, and many a process that was
 * scaled from zero is gone before it is scraped.
 */
export class ProcessRegistry extends Registry {
  #processMetrics: Promise<void> | undefined;

  override async metrics(): Promise<string> {
    this.#processMetrics ??= import('prom-client/lib/defaultMetrics.js').then(({ default: collect }) => {
      collect({ register: this });
    });
    await this.#processMetrics;
    return super.metrics();
  }
}
