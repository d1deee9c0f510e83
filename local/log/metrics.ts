// The log's Prometheus metrics, in a registry of their own.

import type { ServerResponse } from 'node:http';

import { Counter, Gauge, ProcessRegistry } from '../../lib/metrics.ts';
import type { LogStatus } from './status.ts';

export interface LogMetrics {
  /** Counts a request to the sink by its status; undefined when it got no answer. */
  countRequest(status: number | undefined): void;
  /** Answers with everything in the text format. */
  send(response: ServerResponse): Promise<void>;
}

const gauges = {
  records: 'Records kept in the topic sums',
  lag: 'Records of sums that are not known to be delivered or in the dead letters',
  inFlight: 'Records being delivered or waiting for their next attempt',
  deadLetters: 'Records in the topic sums-dead-letter',
} as const satisfies Partial<Record<keyof LogStatus, string>>;

const counters = {
  delivered: 'Records delivered to the subscriber',
  redeliveries: 'Attempts to deliver a record after its first one',
} as const satisfies Partial<Record<keyof LogStatus, string>>;

export function createMetrics(status: () => LogStatus | Promise<LogStatus>): LogMetrics {
  const registry = new ProcessRegistry();
  const registers = [registry];
  const requests = new Counter({
    name: 'tally_log_sink_requests_total',
    help: 'Requests to the sink, by status; none for those that got no answer',
    labelNames: ['status'],
    registers,
  });
  const show = [
    ...(Object.keys(gauges) as (keyof typeof gauges)[]).map((field) => {
      const gauge = new Gauge({ name: `tally_log_${snakeCase(field)}`, help: gauges[field], registers });
      return (now: LogStatus | undefined) => {
        // NaN is Prometheus's word for what is not known, such as the lag while Kafka is away.
        gauge.set(now?.[field] ?? Number.NaN);
      };
    }),
    ...(Object.keys(counters) as (keyof typeof counters)[]).map((field) => {
      const name = `tally_log_${snakeCase(field)}_total`;
      const counter = new Counter({ name, help: counters[field], registers });
      return (now: LogStatus | undefined) => {
        if (now === undefined) return;
        counter.reset();
        counter.inc(now[field]);
      };
    }),
  ];
  /** Undefined while Kafka cannot be asked. */
  const known = async (): Promise<LogStatus | undefined> => {
    try {
      return await status();
    } catch {
      return undefined;
    }
  };
  return {
    countRequest: (code) => {
      requests.inc({ status: code ?? 'none' });
    },
    send: async (response) => {
      const now = await known();
      for (const update of show) update(now);
      response.setHeader('content-type', registry.contentType).end(await registry.metrics());
    },
  };
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
