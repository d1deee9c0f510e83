// The log's configuration, read from the environment once. Where Kafka keeps the records, local/kafka/config.ts reads it.

import { accessSync, constants, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

import { EnvReader } from '../../lib/env.ts';
import { messageOf } from '../../lib/errors.ts';
import { logLevels } from '../../lib/log.ts';
import { rejectStrayKafka } from '../kafka/wanted.ts';
import type { DeliveryPolicy } from './delivery.ts';

export interface LogConfig extends ListeningConfig, DeliveryConfig, StorageConfig {}

export interface ListeningConfig {
  readonly port: number;
  /** The address to listen on; undefined for all interfaces. */
  readonly host: string | undefined;
  /** Where `sums` is delivered to, path and query included. */
  readonly subscriber: URL;
  /** A file with the bearer token by which the subscriber knows us; undefined: none is sent. */
  readonly subscriberTokenFile?: string | undefined;
}

export interface StorageConfig {
  readonly dataDir: string;
  /** How long delivered records are kept. */
  readonly retentionMs: number;
}

/** What sink and source need, whatever keeps the records. */
export interface DeliveryConfig {
  readonly delivery: DeliveryPolicy;
  /** How often the committed offset is saved. */
  readonly commitIntervalMs: number;
  /** How long a drain lets attempts in flight finish. */
  readonly drainGraceMs: number;
  /** The most requests, and bytes of their bodies, that may wait to be stored. */
  readonly maxQueuedRequests: number;
  readonly maxQueuedBytes: number;
}

const day = 86_400_000;

/** @throws ConfigError naming every problem */
export function readConfig(env: NodeJS.ProcessEnv): LogConfig {
  const reader = new EnvReader(env);
  const config = { ...readListening(reader), ...readDelivery(reader), ...readStorage(reader) };
  rejectStrayKafka(reader);
  reader.done();
  return config;
}

export function readListening(reader: EnvReader): ListeningConfig {
  const subscriber = reader.url('SUBSCRIBER');
  if (reader.text('SUBSCRIBER') === undefined) {
    reader.problem('SUBSCRIBER', 'is unset, should be the http:// address that records are delivered to');
  }
  return {
    port: reader.port('PORT', 8080),
    host: reader.text('HOST'),
    subscriber: subscriber as URL,
    subscriberTokenFile: reader.file('SUBSCRIBER_TOKEN_FILE'),
  };
}

export function readStorage(reader: EnvReader): StorageConfig {
  return {
    dataDir: readDataDir(reader),
    retentionMs: reader.durationMs('LOG_RETENTION', 7 * day, { min: 1_000, max: 3_650 * day }),
  };
}

export function readDelivery(reader: EnvReader): DeliveryConfig {
  // createLog reads it, and cannot report it.
  reader.choice('LOG_LEVEL', logLevels, 'info');
  return {
    delivery: {
      retries: reader.integer('DELIVERY_RETRIES', 10, { min: 0, max: 20 }),
      backoffDelayMs: reader.durationMs('DELIVERY_BACKOFF', 300, { min: 1, max: 60_000 }),
      timeoutMs: reader.durationMs('DELIVERY_TIMEOUT', 60_000, { min: 10, max: 600_000 }),
    },
    commitIntervalMs: reader.durationMs('LOG_COMMIT_INTERVAL', 5_000, { min: 10, max: 3_600_000 }),
    drainGraceMs: reader.durationMs('LOG_DRAIN_GRACE', 10_000, { min: 10, max: 20_000 }),
    maxQueuedRequests: reader.integer('LOG_MAX_QUEUED_REQUESTS', 10_000, { min: 1, max: 1_000_000 }),
    maxQueuedBytes: reader.integer('LOG_MAX_QUEUED_BYTES', 67_108_864, { min: 1_048_576, max: 2 ** 32 }),
  };
}

/** DATA_DIR, by default `./data`; made when it is missing. */
function readDataDir(reader: EnvReader): string {
  const dataDir = resolve(reader.text('DATA_DIR') ?? 'data');
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
  } catch (error) {
    reader.problem(
      'DATA_DIR',
      `was ${dataDir}, should be a directory that can be written: ${messageOf(error)}`,
    );
  }
  return dataDir;
}
