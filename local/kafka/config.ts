// How to reach Kafka, from environment variables: the same for the bridge, the topics command and the local system.

import { EnvReader } from '../../lib/env.ts';
import { type DeliveryConfig, type ListeningConfig, readDelivery, readListening } from '../log/config.ts';

export interface KafkaConfig {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  /** Undefined for plain text. */
  readonly tls: TlsConfig | undefined;
  readonly sasl: SaslConfig | undefined;
  readonly topic: string;
  readonly group: string;
}

/** PEM texts; without `ca` the usual authorities are trusted. */
export interface TlsConfig {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface SaslConfig {
  readonly mechanism: (typeof mechanisms)[number];
  readonly username: string;
  readonly password: string;
}

/** What the bridge reads. */
export interface BridgeConfig extends DeliveryConfig, ListeningConfig {
  readonly kafka: KafkaConfig;
}

const usualTopic = 'sums';
const pemBegin = '-----BEGIN ';
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const brokerList = /^[^\s,:]+:\d{1,5}(?:,[^\s,:]+:\d{1,5})*$/;
/** https://kafka.apache.org/documentation/#topicconfigs: at most 249 characters, of which the dead letters need some. */
const topicName = /^[\w.-]{1,230}$/;

/** @throws ConfigError naming every problem */
export function readConfig(env: NodeJS.ProcessEnv): BridgeConfig {
  const reader = new EnvReader(env);
  const config = { ...readListening(reader), ...readDelivery(reader), kafka: readKafka(reader) };
  reader.done();
  return config;
}

/** Reads what is Kafka's, noting every problem. */
export function readKafka(reader: EnvReader): KafkaConfig {
  const brokers = reader.read<readonly string[]>('KAFKA_BROKERS', 'host:port, …', [], (text) =>
    brokerList.test(text) && text.split(',').every(hasPort) ? text.split(',') : undefined,
  );
  if (reader.text('KAFKA_BROKERS') === undefined) {
    reader.problem('KAFKA_BROKERS', 'is unset, should be host:port of one or more brokers, parted by commas');
  }
  const topic = reader.read('KAFKA_TOPIC', 'a topic name of a-z, A-Z, 0-9, ., _ and -', usualTopic, (text) =>
    topicName.test(text) && !/^\.+$/.test(text) ? text : undefined,
  );
  return {
    brokers,
    tls: readTls(reader),
    sasl: readSasl(reader),
    topic,
    group: reader.text('KAFKA_GROUP') ?? (topic === usualTopic ? 'accumulate' : `accumulate-${topic}`),
  };
}

function hasPort(address: string): boolean {
  return Number(address.slice(address.lastIndexOf(':') + 1)) <= 65_535;
}

function readTls(reader: EnvReader): TlsConfig | undefined {
  const pem = (name: string, what: string): string | undefined =>
    reader.read<string | undefined>(name, `${what} in PEM`, undefined, (text) =>
      text.includes(pemBegin) ? text : undefined,
    );
  const ca = pem('KAFKA_CA_CERTS', 'certificates');
  const cert = pem('KAFKA_CLIENT_CERT', 'a certificate');
  const key = reader.text('KAFKA_CLIENT_KEY');
  // Read apart, so that no message shows a part of a key.
  if (key !== undefined && !key.includes(pemBegin))
    reader.problem('KAFKA_CLIENT_KEY', 'should be a key in PEM');
  if ((reader.text('KAFKA_CLIENT_CERT') === undefined) !== (reader.text('KAFKA_CLIENT_KEY') === undefined)) {
    reader.problem('KAFKA_CLIENT_CERT, KAFKA_CLIENT_KEY', 'should be set together');
  }
  const given = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  const wanted = reader.choice('KAFKA_TLS', ['true', 'false'], 'false') === 'true';
  if (!wanted && Object.keys(given).length > 0) {
    reader.problem('KAFKA_TLS', 'should be true where certificates are given');
  }
  return wanted ? given : undefined;
}

function readSasl(reader: EnvReader): SaslConfig | undefined {
  const mechanism = reader.choice('KAFKA_SASL_MECHANISM', ['none', ...mechanisms], 'none');
  const username = reader.text('KAFKA_USERNAME');
  const password = reader.text('KAFKA_PASSWORD');
  if (mechanism === 'none') {
    if (username !== undefined || password !== undefined) {
      reader.problem(
        'KAFKA_SASL_MECHANISM',
        `should be one of ${mechanisms.join(', ')} where a user is given`,
      );
    }
    return undefined;
  }
  if (username === undefined || password === undefined) {
    reader.problem('KAFKA_USERNAME, KAFKA_PASSWORD', 'should both be set for SASL');
    return undefined;
  }
  return { mechanism, username, password };
}
