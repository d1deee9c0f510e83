// Kafka itself, as the tests look at it: with topics of their own, past everything that is under test.

import { randomUUID } from 'node:crypto';

import kafkajs, { type Admin, type IHeaders, type Kafka, type Producer } from 'kafkajs';

import { createLog } from '../../lib/log.ts';
import { createClient } from '../../local/kafka/client.ts';
import { readKafka } from '../../local/kafka/config.ts';
import { readStatus } from '../../local/kafka/status.ts';
import { EnvReader } from '../../lib/env.ts';
import { closeAfterTest } from '../test-log.ts';
import { until } from '../until.ts';

export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  /** In the order in which they stand in the record. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly value: string | null;
}

/** Topics and group of one test, and a client to look at them. */
export class TestKafka {
  readonly topic = `sums-${randomUUID()}`;
  readonly group = `accumulate-${randomUUID()}`;
  readonly brokers: string;
  #kafka: Kafka | undefined;
  #admin: Admin | undefined;

  /** @param brokers else those of KAFKA_BROKERS, which the setup of all tests has set */
  constructor(brokers = process.env['KAFKA_BROKERS'] ?? '') {
    this.brokers = brokers;
  }

  get deadLetterTopic(): string {
    return `${this.topic}-dead-letter`;
  }

  /** What the log part is told of it. */
  get env(): Readonly<Record<string, string>> {
    return { KAFKA_BROKERS: this.brokers, KAFKA_TOPIC: this.topic, KAFKA_GROUP: this.group };
  }

  async client(): Promise<Kafka> {
    const config = readKafka(new EnvReader(this.env));
    return (this.#kafka ??= createClient(config, await createLog('test', 'silent')));
  }

  async admin(): Promise<Admin> {
    if (this.#admin !== undefined) return this.#admin;
    const admin = (await this.client()).admin();
    await admin.connect();
    closeAfterTest(() => admin.disconnect());
    return (this.#admin = admin);
  }

  async producer(): Promise<Producer> {
    const producer = (await this.client()).producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    closeAfterTest(() => producer.disconnect());
    return producer;
  }

  async status(): ReturnType<typeof readStatus> {
    return readStatus(await this.admin(), this, []);
  }

  /** All records of a topic that are in it by now, in the order of partition and offset. */
  async records(topic = this.topic): Promise<ReadRecord[]> {
    const admin = await this.admin();
    // A topic that was just made may not have a leader yet.
    const ends = await until('the offsets are known', () =>
      admin.fetchTopicOffsets(topic).catch(() => undefined),
    );
    const count = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
    const consumer = (await this.client()).consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const read: ReadRecord[] = [];
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ partition, message }) => {
        read.push({
          partition,
          offset: Number(message.offset),
          key: message.key?.toString() ?? null,
          headers: textHeaders(message.headers),
          value: message.value?.toString() ?? null,
        });
        return Promise.resolve();
      },
    });
    await until(`${count} records are read`, () => read.length >= count, 60_000);
    await consumer.disconnect();
    return read.toSorted((x, y) => x.partition - y.partition || x.offset - y.offset);
  }
}

function textHeaders(headers: IHeaders | undefined): [name: string, value: string][] {
  return Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]);
}
