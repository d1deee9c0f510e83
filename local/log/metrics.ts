// The log's Prometheus metrics, in a registry of their own.

import type { ServerResponse } from 'node:http';

import { Counter, Gauge, Registry } from 'prom-client';

import type { LogStatus } from './pages.ts';

export interface LogMetrics {
  /** Counts a request to the sink by its status; undefined when it got no answer. */
  countRequest(status: number | undefined): void;
  /** Answers with everything in the text format. */
  send(response: ServerResponse): Promise<void>;
}

const gauges = {
  records: 'Records kept in the topic sums',
  nextOffset: 'Offset the next record of sums will get',
  committedOffset: 'Every record of sums before this offset is delivered or in the dead letters',
  inFlight: 'Records being delivered or waiting for their next attempt',
  deadLetters: 'Records in the topic sums-dead-letter',
} as const satisfies Partial<Record<keyof LogStatus, string>>;

const counters = {
  delivered: 'Records delivered to the subscriber',
  redeliveries: 'Attempts to deliver a record after its first one',
} as const satisfies Partial<Record<keyof LogStatus, string>>;

export function createMetrics(status: () => LogStatus): LogMetrics {
  const registry = new Registry();
  const requests = new Counter({
    name: 'tally_log_sink_requests_total',
    help: 'Requests to the sink, by status; none for those that got no answer',
    labelNames: ['status'],
    registers: [registry],
  });
  for (const [field, help] of Object.entries(gauges)) {
    new Gauge({
      name: `tally_log_${snakeCase(field)}`,
      help,
      registers: [registry],
      collect() {
        this.set(status()[field as keyof typeof gauges]);
      },
    });
  }
  for (const [field, help] of Object.entries(counters)) {
    new Counter({
      name: `tally_log_${snakeCase(field)}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(status()[field as keyof typeof counters]);
      },
    });
  }
  return {
    countRequest: (code) => {
      requests.inc({ status: code ?? 'none' });
    },
    send: async (response) => {
      response.setHeader('content-type', registry.contentType).end(await registry.metrics());
    },
  };
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
