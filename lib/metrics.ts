// What a process tells Prometheus: prom-client's classes, and what it knows of the process itself.
//
// Not from its entry, which loads a push gateway, an aggregator for clusters and all of OpenTelemetry: a sixth of a start
// and up to 11 MB of a process (docs/adr/0010-start-up.md).

import { statfs } from 'node:fs/promises';

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

/** A gauge that is read at each scrape. */
export function gaugeOf(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** Whether the process takes work: an alert that a replica never gets ready needs nothing else. */
export function addReadiness(registry: Registry, isReady: () => boolean): void {
  const help = 'Whether the process takes work, as its readiness probe says: 1 or 0.';
  gaugeOf(registry, 'tally_ready', help, () => (isReady() ? 1 : 0));
}

/** How full the file system of a directory is, so that nobody needs a second exporter to see a disk fill. */
export function addVolume(registry: Registry, directory: string): void {
  const blocksOf = (name: string, help: string, field: 'blocks' | 'bavail'): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        // Not known while the volume is gone, which is no reason to tell nothing at all.
        const state = await statfs(directory).catch(() => undefined);
        this.set(state === undefined ? Number.NaN : state[field] * state.bsize);
      },
    });
  };
  blocksOf('tally_volume_size_bytes', 'Size of the file system that DATA_DIR is on.', 'blocks');
  blocksOf('tally_volume_free_bytes', 'What is free of it for this process.', 'bavail');
}
