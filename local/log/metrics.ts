// The log's Prometheus metrics, in a registry of their own.

import type { ServerResponse } from 'node:http';

import { addReadiness, addVolume, Counter, Gauge, ProcessRegistry } from '../../lib/metrics.ts';
import type { LogStatus } from './status.ts';

export interface LogMetrics {
  /** Counts a request to the sink by its status; undefined when it got no answer. */
  countRequest(status: number | undefined): void;
  /** Everything, in the text format. */
  text(): Promise<string>;
  /** Answers with it. */
  send(response: ServerResponse): Promise<void>;
}

const gauges = {
  records: 'Records kept in the topic sums',
  lag: 'Records of sums that are not known to be delivered or in the dead letters',
  inFlight: 'Records being delivered or waiting for their next attempt',
  deadLetters: 'Dead letters that nobody is done with; on Kafka all records of their topic, notes included',
} as const satisfies Partial<Record<keyof LogStatus, string>>;

const counters = {
  delivered: 'Records delivered to the subscriber',
  redeliveries: 'Attempts to deliver a record after its first one',
} as const satisfies Partial<Record<keyof LogStatus, string>>;

export interface MetricsSources {
  readonly status: () => LogStatus | Promise<LogStatus>;
  readonly isReady: () => boolean;
  /** Where the records are, unless Kafka has them. */
  readonly directory?: string;
}

/** What the sink answers, and nothing at all. */
const statuses = ['202', '400', '404', '405', '503', 'none'];

export function createMetrics({ status, isReady, directory }: MetricsSources): LogMetrics {
  const registry = new ProcessRegistry();
  const registers = [registry];
  addReadiness(registry, isReady);
  if (directory !== undefined) addVolume(registry, directory);
  const requests = new Counter({
    name: 'tally_log_sink_requests_total',
    help: 'Requests to the sink, by status; none for those that got no answer',
    labelNames: ['status'],
    registers,
  });
  for (const code of statuses) requests.inc({ status: code }, 0);
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
  const text = async (): Promise<string> => {
    const now = await known();
    for (const update of show) update(now);
    return registry.metrics();
  };
  return {
    text,
    countRequest: (code) => {
      requests.inc({ status: code ?? 'none' });
    },
    send: async (response) => {
      response.setHeader('content-type', registry.contentType).end(await text());
    },
  };
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
