// What the accumulate function tells Prometheus. Counters are this process's; what is of the ledger or of a total is read
// from the volume at each scrape, and the same on every process that holds it. Every series that there can be is there
// from the start, as 0: a rate has no other way to tell of the first one.

import { type AppError, errorCodes } from '../../lib/errors.ts';
import {
  addReadiness,
  addVolume,
  Counter,
  Gauge,
  gaugeOf,
  Histogram,
  ProcessRegistry,
} from '../../lib/metrics.ts';
import type { Entry, Outcome, Total } from './ledger/entry.ts';
import type { LedgerStatus } from './ledger/reader.ts';

export interface Metrics {
  readonly registry: ProcessRegistry;
  /** Counts the events of one request that were applied or known already, in their order. */
  countEvents(entries: readonly Entry[], outcomes: readonly Outcome[]): void;
  countRefusal(error: AppError): void;
  observeCommit(commit: { readonly events: number; readonly ms: number }): void;
  /** Everything, in the text format. */
  text(): Promise<string>;
}

export interface MetricsSources {
  /** @throws when the ledger cannot be read: then it tells of everything else */
  readonly status: () => LedgerStatus;
  /** The first totals in the order of their names. */
  readonly totals: (limit: number) => readonly Total[];
  readonly isReady: () => boolean;
  /** How many streams of totals are open. */
  readonly streams: () => number;
  /** The volume. */
  readonly directory: string;
}

/** People name totals, and each is a series: more of them would be Prometheus's trouble. */
const maxTotals = 100;

const eventOutcomes = ['applied', 'duplicate', 'conflict', 'rejected', 'failed'] as const;
type EventOutcome = (typeof eventOutcomes)[number];

export function createMetrics({ status, totals, isReady, streams, directory }: MetricsSources): Metrics {
  const registry = new ProcessRegistry();
  const registers = [registry];
  const events = new Counter({
    name: 'tally_accumulate_events_total',
    help:
      'Events answered: applied, duplicate (counted before), conflict (known with other operands), rejected (can never ' +
      'be counted), failed (a retry may succeed). A batch that is refused counts as one.',
    labelNames: ['outcome'],
    registers,
  });
  const refusals = new Counter({
    name: 'tally_accumulate_refusals_total',
    help: 'Requests with events that were refused, by the type of the problem that they were answered with.',
    labelNames: ['code'],
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
  const ageSeconds = new Histogram({
    name: 'tally_accumulate_event_age_seconds',
    help: 'From the time that an event carries to when it was counted and on disk: the lag from end to end.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400],
    registers,
  });
  const showLedger = createLedgerGauges(registry);
  const showTotals = createTotalGauges(registry);
  addVolume(registry, directory);
  addReadiness(registry, isReady);
  gaugeOf(registry, 'tally_accumulate_streams', 'Streams of totals that are open.', streams);
  const counters = Object.fromEntries(
    eventOutcomes.map((outcome) => [outcome, events.labels(outcome)]),
  ) as Record<EventOutcome, Counter.Internal>;
  for (const outcome of eventOutcomes) counters[outcome].inc(0);
  for (const code of errorCodes) refusals.inc({ code }, 0);
  return {
    registry,
    countEvents: (entries, outcomes) => {
      const now = Date.now();
      let applied = 0;
      for (let index = 0; index < outcomes.length; index++) {
        if (outcomes[index] !== 'applied') continue;
        applied++;
        const time = entries[index]?.time ?? null;
        // Clocks differ a little: nothing is counted before it happened.
        if (time !== null) ageSeconds.observe(Math.max(0, now - time) / 1_000);
      }
      const duplicates = outcomes.length - applied;
      if (applied > 0) counters.applied.inc(applied);
      if (duplicates > 0) counters.duplicate.inc(duplicates);
    },
    countRefusal: (error) => {
      counters[outcomeOf(error)].inc();
      refusals.inc({ code: error.code });
    },
    observeCommit: ({ events: count, ms }) => {
      commitSeconds.observe(ms / 1_000);
      batchEvents.observe(count);
    },
    text: () => {
      const read = readAll(status, totals);
      showLedger(read?.status);
      showTotals(read?.totals ?? []);
      return registry.metrics();
    },
  };
}

function outcomeOf({ code, retryable }: AppError): EventOutcome {
  if (code === 'conflict') return 'conflict';
  return retryable ? 'failed' : 'rejected';
}

/** Undefined while the ledger cannot be read, of which readiness tells. */
function readAll(status: MetricsSources['status'], totals: MetricsSources['totals']) {
  try {
    return { status: status(), totals: totals(maxTotals) };
  } catch {
    return undefined;
  }
}

function createLedgerGauges(registry: ProcessRegistry): (status: LedgerStatus | undefined) => void {
  const gauges: readonly [name: string, help: string, read: (status: LedgerStatus) => number][] = [
    ['tally_ledger_events', 'Events ever counted on this volume.', ({ seq }) => seq],
    [
      'tally_ledger_duplicates',
      'Duplicates refused on this volume, as far back as ids are kept.',
      ({ duplicates }) => duplicates,
    ],
    ['tally_ledger_known_ids', 'Events whose ids are kept.', ({ knownIds }) => knownIds],
    [
      'tally_ledger_oldest_id_timestamp_seconds',
      'Since when ids are kept, as Unix time: the begin of the oldest file of the ledger.',
      ({ oldestOpenedAt }) => oldestOpenedAt / 1_000,
    ],
    ['tally_ledger_generations', 'Files that the ledger consists of.', ({ generations }) => generations],
    ['tally_ledger_bytes', 'Size of these files, write-ahead logs included.', ({ bytes }) => bytes],
    ['tally_totals', 'Totals that there are.', ({ totals }) => totals],
  ];
  const shown = gauges.map(([name, help, read]) => {
    const gauge = new Gauge({ name, help, registers: [registry] });
    return (status: LedgerStatus | undefined): void => {
      // NaN is Prometheus's word for what is not known.
      gauge.set(status === undefined ? Number.NaN : read(status));
    };
  });
  return (status) => {
    for (const show of shown) show(status);
  };
}

function createTotalGauges(registry: ProcessRegistry): (totals: readonly Total[]) => void {
  const options = { labelNames: ['total'], registers: [registry] };
  const whose = `of the first ${maxTotals} by name`;
  const value = new Gauge({
    name: 'tally_total_value',
    help: `The amount, ${whose}, as a float: not exact. The exact one is at /totals/NAME.`,
    ...options,
  });
  const count = new Gauge({
    name: 'tally_total_events',
    help: `How many events are in a total, ${whose}.`,
    ...options,
  });
  return (totals) => {
    value.reset();
    count.reset();
    for (const { name, total, count: events } of totals) {
      value.set({ total: name }, Number(total));
      count.set({ total: name }, events);
    }
  };
}
