// Reads ranges of a topic once, from offset to offset. kafkajs reads as a member of a consumer group alone, so this one
// makes a group of its own, in which nothing is committed, and deletes it; the group that delivers is never touched.
//
// A partition is read when a record at the end of its range, or beyond, has come by. That may be one that nobody is shown,
// such as the marker of a transaction: kafkajs reports where each batch ends all the same.

import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

import type { Admin, Consumer, EachBatchPayload, Kafka } from 'kafkajs';

import { AppError } from '../../lib/errors.ts';
import { toStoredRecord } from '../kafka/record.ts';
import type { StoredRecord } from '../log/record.ts';
import type { ReadRange } from './log-access.ts';
import { retryMoved } from './moved-leaders.ts';

const maxPageRecords = 1_000;
/** Pages that wait to be taken; a fetch that is unpacked has some more. */
const maxWaitingPages = 8;
/** Longer than it takes to unpack a fetch on a busy machine. */
const sessionTimeoutMs = 30_000;
const heartbeatIntervalMs = 3_000;
/** As they are on the wire: all of a fetch is unpacked at once (local/kafka/consumer.ts). */
const maxFetchBytes = 131_072;
const maxWaitMs = 200;
/** How often what waits has a look at its heartbeat and at the progress. */
const wakeMs = 500;
/** After so long without a record the topic is asked whether there still are any, and in the end it is an error. */
const quietMs = 2_000;
const stalledMs = 60_000;

interface Reading {
  /** The next offset to give. */
  next: number;
  readonly to: number;
}

export class KafkaReader {
  readonly #admin: Admin;
  readonly #topic: string;
  /** Says to whoever looks at the groups what it is for. */
  readonly #group: string;
  readonly #consumer: Consumer;
  /** By partition; one that is read is taken out. */
  readonly #readings: Map<number, Reading>;
  #pages: StoredRecord[][] = [];
  #failure: Error | undefined;
  #isOver = false;
  #change = Promise.withResolvers<undefined>();
  #progressAt = performance.now();

  constructor(kafka: Kafka, admin: Admin, topic: string, ranges: readonly ReadRange[]) {
    this.#admin = admin;
    this.#topic = topic;
    this.#group = `tally-read-${topic}-${randomUUID()}`;
    this.#readings = new Map(
      ranges
        .filter(({ from, to }) => from < to)
        .map(({ partition, from, to }) => [partition, { next: from, to }]),
    );
    this.#consumer = kafka.consumer({
      groupId: this.#group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      maxWaitTimeInMs: maxWaitMs,
      maxBytes: maxFetchBytes,
      maxBytesPerPartition: maxFetchBytes / 4,
      allowAutoTopicCreation: false,
    });
  }

  /** @throws Error of Kafka, or AppError `unavailable` when it gives nothing for a minute */
  async *read(): AsyncGenerator<readonly StoredRecord[]> {
    if (this.#readings.size === 0) return;
    const wake = setInterval(() => {
      this.#changed();
    }, wakeMs);
    try {
      await this.#start();
      for (;;) {
        const page = this.#pages.shift();
        if (page !== undefined) {
          this.#changed();
          yield page;
          // Time that the caller took is none in which Kafka gave nothing.
          this.#progressAt = performance.now();
        } else if (this.#failure !== undefined) throw this.#failure;
        else if (this.#readings.size === 0) return;
        else {
          await this.#change.promise;
          await this.#checkProgress();
        }
      }
    } finally {
      this.#isOver = true;
      clearInterval(wake);
      this.#changed();
      await this.#end();
    }
  }

  async #start(): Promise<void> {
    const consumer = this.#consumer;
    consumer.on('consumer.group_join', ({ payload }) => {
      for (const partition of payload.memberAssignment[this.#topic] ?? []) {
        const reading = this.#readings.get(partition);
        if (reading === undefined) this.#pause(partition);
        // Also after a rebalance: without a committed offset kafkajs would begin at the first record again.
        else consumer.seek({ topic: this.#topic, partition, offset: String(reading.next) });
      }
    });
    consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
      this.#passed(partition, Number(lastOffset));
    });
    consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) this.#failure = payload.error;
      this.#changed();
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [this.#topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: (payload) => this.#take(payload) });
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { partition, messages } = payload.batch;
    const reading = this.#readings.get(partition);
    if (reading === undefined) return;
    let page: StoredRecord[] = [];
    const give = (): void => {
      const last = page.at(-1);
      if (last === undefined) return;
      // With the page: whatever happens to this batch from here on, these are not read again.
      reading.next = last.offset + 1;
      this.#pages.push(page);
      page = [];
      this.#progressAt = performance.now();
      this.#changed();
    };
    for (const message of messages) {
      const offset = Number(message.offset);
      if (offset < reading.next || offset >= reading.to) continue;
      page.push(toStoredRecord(this.#topic, partition, message));
      if (page.length < maxPageRecords) continue;
      give();
      while (this.#pages.length >= maxWaitingPages && !this.#isOver) {
        await this.#change.promise;
        await payload.heartbeat();
      }
      if (this.#isOver) return;
    }
    give();
  }

  /** Everything of the partition up to this offset has come by. */
  #passed(partition: number, lastOffset: number): void {
    this.#progressAt = performance.now();
    const reading = this.#readings.get(partition);
    if (reading === undefined || lastOffset + 1 < reading.to) return;
    this.#readings.delete(partition);
    this.#pause(partition);
    this.#changed();
  }

  #pause(partition: number): void {
    this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]);
  }

  #changed(): void {
    this.#change.resolve(undefined);
    this.#change = Promise.withResolvers();
  }

  /** Retention may remove the rest of a range meanwhile; anything else that keeps records away is an error. */
  async #checkProgress(): Promise<void> {
    const stalledFor = performance.now() - this.#progressAt;
    if (stalledFor < quietMs) return;
    const ask = () => this.#admin.fetchTopicOffsets(this.#topic);
    for (const { partition, low } of await retryMoved(this.#admin, ask)) {
      const reading = this.#readings.get(partition);
      if (reading !== undefined && Number(low) >= reading.to) this.#readings.delete(partition);
    }
    const [first] = this.#readings;
    if (first === undefined || stalledFor < stalledMs) return;
    const [partition, { next, to }] = first;
    throw new AppError(
      'unavailable',
      `nothing came for ${stalledMs / 1_000} s: partition ${partition} stays at offset ${next} of ${to}`,
    );
  }

  /** Leaves and deletes the group. A broker does that itself, some time later, with what a killed process left. */
  async #end(): Promise<void> {
    try {
      await this.#consumer.disconnect();
      await this.#deleteGroup();
    } catch {
      // As above; what was read is read.
    }
  }

  async #deleteGroup(): Promise<void> {
    for (let attempt = 1; attempt <= 5; attempt++) {
      try {
        await this.#admin.deleteGroups([this.#group]);
        return;
      } catch {
        // The coordinator may not have seen the member leave yet.
        await wait(100);
      }
    }
  }
}
