// The local system's configuration, read from the environment once.

import { isIPv4 } from 'node:net';

import { readConfig as readAccumulate } from '../functions/accumulate/config.ts';
import { readConfig as readAdd } from '../functions/add/config.ts';
import { EnvReader, formatDuration } from '../lib/env.ts';
import { type KafkaConfig, readKafka } from './kafka/config.ts';
import { rejectStrayKafka, wantsKafka } from './kafka/wanted.ts';
import { readDelivery, readStorage } from './log/config.ts';

const day = 86_400_000;

export interface LocalConfig {
  /** 0 means any free port. */
  readonly ports: { readonly add: number; readonly accumulate: number; readonly log: number };
  /** What each part listens on: this machine alone, unless told otherwise. */
  readonly hosts: { readonly add: string; readonly accumulate: string; readonly log: string };
  readonly dataDir: string;
  /** Where the log is a real Kafka. */
  readonly kafka: Pick<KafkaConfig, 'brokers'> | undefined;
}

/**
 * Reads what is the system's own and what is the log's. The functions read theirs when they start; what they will find
 * wrong is said here, with the rest.
 * @throws ConfigError naming every problem
 */
export function readConfig(env: NodeJS.ProcessEnv): LocalConfig {
  const reader = new EnvReader(env);
  const ports = {
    add: reader.port('ADD_PORT', 8080),
    accumulate: reader.port('ACCUMULATE_PORT', 8081),
    log: reader.port('LOG_PORT', 8082),
  };
  const chosen = Object.values(ports).filter((port) => port !== 0);
  if (new Set(chosen).size < chosen.length) {
    reader.problem('ADD_PORT, ACCUMULATE_PORT, LOG_PORT', `were ${chosen.join(', ')}, should differ or be 0`);
  }
  const host = reader.read('HOST', 'an IPv4 address', '127.0.0.1', (text) =>
    isIPv4(text) ? text : undefined,
  );
  readDelivery(reader);
  const hasToken = reader.file('SUBSCRIBER_TOKEN_FILE') !== undefined;
  if (reader.text('OIDC_ISSUER') !== undefined && !hasToken) {
    const problem = 'should be a file with a token for accumulate: the log is asked for one as everybody is';
    reader.problem('SUBSCRIBER_TOKEN_FILE', problem);
  }
  const { dataDir, retentionMs } = readStorage(reader);
  // Accumulate reads it, and cannot know how long the log keeps what it may deliver again.
  const windowMs = reader.durationMs('DEDUPE_WINDOW', 30 * day, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const kafka = wantsKafka(env) ? readKafka(reader) : undefined;
  if (kafka === undefined) {
    rejectStrayKafka(reader);
    if (windowMs <= retentionMs) {
      const problem = `is not longer than LOG_RETENTION, which is ${formatDuration(retentionMs)}: ids must outlive the records`;
      reader.problem('DEDUPE_WINDOW', problem);
    }
  }
  const own = { ...env, DATA_DIR: dataDir, HOST: host, PORT: undefined, K_SINK: undefined };
  reader.foresee(() => readAccumulate(own));
  reader.foresee(() => readAdd(own));
  reader.done();
  // It has no check of its own, and a token by which accumulate takes all that it delivers.
  const hosts = {
    add: host,
    accumulate: host,
    log: reader.text('OIDC_ISSUER') === undefined ? host : '127.0.0.1',
  };
  return { ports, hosts, dataDir, kafka };
}
