// Kafka as the log: the two topics, and the offsets of the group that delivers them.

import type { Admin, Kafka } from 'kafkajs';

import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { createLog } from '../../lib/log.ts';
import { createClient, kafkaError } from '../kafka/client.ts';
import type { KafkaConfig } from '../kafka/config.ts';
import { readStatus } from '../kafka/status.ts';
import { isTooLarge, TopicWriter } from '../kafka/topic-writer.ts';
import { deadLetterTopicOf } from '../kafka/topics.ts';
import type { LogRecord, StoredRecord, Topic } from '../log/record.ts';
import { KafkaReader } from './kafka-reader.ts';
import type { LogAccess, PartitionRange, ReadRange } from './log-access.ts';
import { retryMoved } from './moved-leaders.ts';

/** @throws AppError `unavailable` when Kafka is not to be had */
export async function openKafkaLog(config: KafkaConfig): Promise<LogAccess> {
  // What kafkajs logs is for a process that stays; a command says what it could not do.
  const log = await createLog('log-access', 'silent');
  const kafka = createClient(config, log);
  const admin = kafka.admin({ retry: { retries: 3 } });
  try {
    await admin.connect();
  } catch (error) {
    await admin.disconnect();
    throw kafkaError(config, 'no answer', error);
  }
  return new KafkaLog(config, kafka, admin, log);
}

class KafkaLog implements LogAccess {
  readonly name: string;
  readonly #config: KafkaConfig;
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly #log: Log;
  readonly #writers = new Map<Topic, TopicWriter>();

  constructor(config: KafkaConfig, kafka: Kafka, admin: Admin, log: Log) {
    this.name = `Kafka ${config.brokers.join(',')}, topic ${config.topic}`;
    this.#config = config;
    this.#kafka = kafka;
    this.#admin = admin;
    this.#log = log;
  }

  async partitions(topic: Topic): Promise<PartitionRange[]> {
    try {
      return await retryMoved(this.#admin, () => this.#partitions(topic));
    } catch (error) {
      throw kafkaError(this.#config, `cannot read the offsets of ${this.#nameOf(topic)}`, error);
    }
  }

  async #partitions(topic: Topic): Promise<PartitionRange[]> {
    if (topic === 'sums') {
      const { partitions } = await readStatus(this.#admin, this.#config, []);
      return partitions.map(({ partition, firstOffset, nextOffset, committedOffset }) => ({
        ...{ partition, firstOffset, nextOffset, committedOffset },
      }));
    }
    const ends = await this.#admin.fetchTopicOffsets(this.#nameOf(topic));
    return ends
      .map(({ partition, low, high }) => ({
        ...{ partition, firstOffset: Number(low), nextOffset: Number(high), committedOffset: Number(low) },
      }))
      .toSorted((x, y) => x.partition - y.partition);
  }

  async *read(topic: Topic, ranges: readonly ReadRange[]): AsyncGenerator<readonly StoredRecord[]> {
    try {
      // A reader takes one range of a partition.
      for (let left = ranges; left.length > 0;) {
        const now = new Map(left.toReversed().map((range) => [range.partition, range]));
        yield* new KafkaReader(this.#kafka, this.#admin, this.#nameOf(topic), [...now.values()]).read();
        left = left.filter((range) => now.get(range.partition) !== range);
      }
    } catch (error) {
      throw kafkaError(this.#config, `cannot read ${this.#nameOf(topic)}`, error);
    }
  }

  async append(topic: Topic, record: LogRecord): Promise<void> {
    let writer = this.#writers.get(topic);
    if (writer === undefined) {
      writer = new TopicWriter(this.#kafka, this.#nameOf(topic), this.#log);
      this.#writers.set(topic, writer);
    }
    try {
      await writer.append(record);
    } catch (cause) {
      if (!(cause instanceof AppError && isTooLarge(cause))) throw cause;
      throw new AppError('too-large', `too large for ${this.#nameOf(topic)}: ${cause.message}`, { cause });
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#writers.values().map((writer) => writer.close()));
    await this.#admin.disconnect();
  }

  #nameOf(topic: Topic): string {
    return topic === 'sums' ? this.#config.topic : deadLetterTopicOf(this.#config.topic);
  }
}
