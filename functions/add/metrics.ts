// What the function counts, for Prometheus. Every series that there can be is there from the start, as 0: a rate has no
// other way to tell of the first one.

import { addReadiness, Counter, gaugeOf, Histogram, ProcessRegistry } from '../../lib/metrics.ts';
import { type Verdict, verdicts } from './retry.ts';
import { codeNames } from './status.ts';

const methods = ['Add', 'AddAll'] as const;
export type Method = (typeof methods)[number];

export class Metrics {
  readonly registry = new ProcessRegistry();
  readonly #requests = new Counter({
    name: 'tally_add_requests_total',
    help: 'Requests answered, each item of a stream counted as one, by method and gRPC code.',
    labelNames: ['method', 'code'],
    registers: [this.registry],
  });
  readonly #duration = new Histogram({
    name: 'tally_add_duration_seconds',
    help: 'From the arrival of a request, or of one item of a stream, to its answer.',
    labelNames: ['method'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.registry],
  });
  readonly #attempts = new Counter({
    name: 'tally_add_sink_attempts_total',
    help: 'Attempts to post an event to the sink, by what came of them.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly #cacheHits = new Counter({
    name: 'tally_add_cache_hits_total',
    help: 'Requests answered from the cache.',
    registers: [this.registry],
  });
  readonly #coalesced = new Counter({
    name: 'tally_add_coalesced_total',
    help: 'Requests that joined one in flight with the same request id.',
    registers: [this.registry],
  });

  /** Both are asked whenever the metrics are read. */
  constructor(inFlight: () => number, isReady: () => boolean) {
    gaugeOf(this.registry, 'tally_add_in_flight', 'Requests that wait for the sink.', inFlight);
    addReadiness(this.registry, isReady);
    for (const method of methods) {
      this.#duration.zero({ method });
      for (const code of codeNames) this.#requests.inc({ method, code }, 0);
    }
    for (const outcome of verdicts) this.#attempts.inc({ outcome }, 0);
  }

  answered(method: Method, code: string, startedMs: number): void {
    this.#requests.inc({ method, code });
    this.#duration.observe({ method }, (performance.now() - startedMs) / 1000);
  }

  attempted(outcome: Verdict): void {
    this.#attempts.inc({ outcome });
  }

  cacheHit(): void {
    this.#cacheHits.inc();
  }

  coalesced(): void {
    this.#coalesced.inc();
  }
}
