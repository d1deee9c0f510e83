// What the accumulate function tells Prometheus. Counters are this process's; those of the ledger are the volume's.

import type { ErrorCode } from '../../lib/errors.ts';
import { Counter, Gauge, Histogram, ProcessRegistry } from '../../lib/metrics.ts';
import type { Outcome } from './ledger/entry.ts';
import type { LedgerStatus } from './ledger/reader.ts';

export interface Metrics {
  readonly registry: ProcessRegistry;
  countEvent(outcome: Outcome): void;
  countRefusal(code: ErrorCode): void;
  observeCommit(commit: { readonly events: number; readonly ms: number }): void;
}

/** @param readStatus the ledger's, asked at each scrape */
export function createMetrics(readStatus: () => LedgerStatus): Metrics {
  const registry = new ProcessRegistry();
  const registers = [registry];
  const events = new Counter({
    name: 'tally_accumulate_events_total',
    help: 'Events answered, by outcome: applied, duplicate, or the code of the refusal.',
    labelNames: ['outcome'],
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'tally_accumulate_commit_seconds',
    help: 'Time from the begin of a commit to its fsync.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const batchEvents = new Histogram({
    name: 'tally_accumulate_commit_events',
    help: 'Events that shared one commit.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000],
    registers,
  });
  const gauges: readonly [name: string, help: string, key: keyof LedgerStatus][] = [
    ['tally_ledger_events', 'Events ever counted on this volume.', 'seq'],
    [
      'tally_ledger_duplicates',
      'Duplicates refused on this volume, as far back as ids are kept.',
      'duplicates',
    ],
    ['tally_ledger_known_ids', 'Events whose ids are kept.', 'knownIds'],
    ['tally_ledger_generations', 'Files that the ledger consists of.', 'generations'],
  ];
  for (const [name, help, key] of gauges) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(readStatus()[key]);
      },
    });
  }
  const applied = events.labels('applied');
  const duplicate = events.labels('duplicate');
  return {
    registry,
    countEvent: (outcome) => {
      (outcome === 'applied' ? applied : duplicate).inc();
    },
    countRefusal: (code) => {
      events.labels(code).inc();
    },
    observeCommit: ({ events: count, ms }) => {
      commitSeconds.observe(ms / 1_000);
      batchEvents.observe(count);
    },
  };
}
