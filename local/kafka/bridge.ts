// Kafka in the place of the embedded log: the sink appends to a topic as a KafkaSink does, the consumer delivers from it
// as a KafkaSource does. In a cluster Knative's data plane stands here; on a laptop, and in tests, this does.

import type { Server } from 'node:http';

import { closeServer } from '../../lib/http.ts';
import type { Log } from '../../lib/log.ts';
import { deadLetterOf } from '../log/dead-letter.ts';
import { Deliverer } from '../log/deliverer.ts';
import { createMetrics } from '../log/metrics.ts';
import { createPages } from '../log/pages.ts';
import { recordBytes } from '../log/record.ts';
import { createServer } from '../log/server.ts';
import { Subscriber } from '../log/subscriber.ts';
import { createClient, kafkaError } from './client.ts';
import type { BridgeConfig } from './config.ts';
import { Consumer } from './consumer.ts';
import { type BridgeStatus, readStatus } from './status.ts';
import { TopicWriter } from './topic-writer.ts';
import { deadLetterTopicOf, ensureTopics } from './topics.ts';

/**
 * Below `max.message.bytes` of that topic (topics.ts). A record that came in compressed may be larger: a letter that can
 * never be written would hold its offset for good.
 */
const maxDeadLetterBytes = 2_000_000;
/** Tests make a real broker misbehave. */
const noFaults = {};

export interface Bridge {
  /** The sink's server, not listening yet. */
  readonly server: Server;
  /** Begins to deliver. */
  start(): Promise<void>;
  /** @throws AppError `unavailable` while Kafka cannot be asked */
  status(): Promise<BridgeStatus>;
  /** Refuses new records, lets attempts in flight finish, commits, closes. */
  drain(): Promise<void>;
}

export interface BridgeOptions {
  readonly config: Omit<BridgeConfig, 'port' | 'host'>;
  readonly log: Log;
  /** Told of a consumer that cannot go on: the process has to end and begin anew. */
  readonly fail: (error: unknown) => void;
}

/**
 * Connects, and creates the topics where they are missing.
 * @throws AppError `unavailable` when Kafka cannot be used, saying why
 */
export async function createBridge({ config, log, fail }: BridgeOptions): Promise<Bridge> {
  const { kafka: kafkaConfig } = config;
  const { topic } = kafkaConfig;
  const kafka = createClient(kafkaConfig, log);
  const admin = kafka.admin({ retry: { retries: 3 } });
  try {
    await admin.connect();
    const { created, differences } = await ensureTopics(admin, topic);
    for (const name of created) log.info(`created the topic ${name}`);
    for (const difference of differences) log.warn(difference);
  } catch (error) {
    throw kafkaError(kafkaConfig, 'cannot use the topics', error);
  }
  let draining = false;

  const writers = {
    sums: new TopicWriter(kafka, topic, log),
    'sums-dead-letter': new TopicWriter(kafka, deadLetterTopicOf(topic), log),
  };
  const destination = config.subscriber.href;
  const deliverer = new Deliverer({
    subscriber: new Subscriber(config.subscriber, config.delivery.timeoutMs, config.subscriberTokenFile),
    policy: config.delivery,
    bury: async (record, outcome) => {
      const letter = deadLetterOf(record, destination, outcome);
      if (recordBytes(letter) <= maxDeadLetterBytes) {
        await writers['sums-dead-letter'].append(letter);
        return;
      }
      const { partition, offset } = record;
      log.error({ partition, offset }, `too large for the dead letters: its data stays in ${topic} alone`);
      await writers['sums-dead-letter'].append({ ...letter, value: null });
    },
    log,
    faults: noFaults,
  });
  const { commitIntervalMs } = config;
  const consumer = new Consumer({ kafka, config: kafkaConfig, commitIntervalMs, deliverer, fail, log });

  const status = async (): Promise<BridgeStatus> => {
    const { inFlight, delivered, redeliveries } = deliverer;
    const here = { inFlight, delivered, redeliveries, subscriber: destination, draining };
    try {
      return { ...(await readStatus(admin, kafkaConfig, consumer.assigned)), ...here };
    } catch (error) {
      throw kafkaError(kafkaConfig, 'cannot read the offsets', error);
    }
  };
  const metrics = createMetrics({ status, isReady: () => !draining });
  const server = createServer({
    store: (name, record) => writers[name].append(record),
    page: createPages({ status, metrics, isDraining: () => draining }),
    isDraining: () => draining,
    maxQueuedRequests: config.maxQueuedRequests,
    maxQueuedBytes: config.maxQueuedBytes,
    metrics,
    log,
    faults: noFaults,
  });

  return {
    server,
    status,
    start: () => consumer.start(),
    drain: async () => {
      draining = true;
      consumer.pause();
      await deliverer.stop(config.drainGraceMs);
      await consumer.stop();
      await closeServer(server);
      await Promise.all(Object.values(writers).map((writer) => writer.close()));
      await admin.disconnect();
    },
  };
}
