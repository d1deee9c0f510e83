// Takes the records of the topic out of Kafka as a member of a consumer group and has them delivered as an unordered
// KafkaSource does: in any order, up to 99 at a time. Committed is the contiguous prefix of what is done in each
// partition, so that whoever goes on from there, after a crash or a rebalance, delivers all that was not (I1).

import type { Consumer as KafkaConsumer, EachBatchPayload, Kafka } from 'kafkajs';

import { AppError, messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Deliverer } from '../log/deliverer.ts';
import { Progress } from '../log/progress.ts';
import type { KafkaConfig } from './config.ts';
import { toStoredRecord } from './record.ts';

/** As a KafkaSource has at its peak. */
const maxInFlight = 99;
/** The least that brokers allow by default: after a kill -9 the others, or the next start, wait for so long. */
const sessionTimeoutMs = 6_000;
const heartbeatIntervalMs = 1_500;
/**
 * As they are on the wire: zstd makes a twentieth of our records. All of a fetch is unpacked at once, without a
 * heartbeat, and thrown away when the group is rebalanced.
 */
const maxFetchBytes = 262_144;
/** So long may new partitions go unnoticed. */
const metadataMaxAgeMs = 60_000;
/** How often a batch that waits for room has a look at its heartbeat. */
const wakeMs = 500;
/** How long a fetch waits at the broker for a record to come; a stop waits for its end. */
const maxWaitMs = 500;

export interface ConsumerOptions {
  readonly kafka: Kafka;
  readonly config: Pick<KafkaConfig, 'topic' | 'group'>;
  readonly commitIntervalMs: number;
  readonly deliverer: Deliverer;
  /** Told of a consumer that cannot go on: the process has to end and begin anew. */
  readonly fail: (error: unknown) => void;
  readonly log: Log;
}

export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #consumer: KafkaConsumer;
  /**
   * Kept for as long as the process lives, also while another member has the partition: what is unfinished here stays
   * unfinished, and to commit less than was committed costs redeliveries alone.
   */
  readonly #progress = new Map<number, Progress>();
  #assigned: readonly number[] = [];
  /**
   * Partitions of which a record began since the last join. Of the others this process knows nothing that is sure to be
   * so still: a topic may have been deleted and made again.
   */
  readonly #begun = new Set<number>();
  #saved = new Map<number, number>();
  #timers: NodeJS.Timeout[] = [];
  #room = Promise.withResolvers<undefined>();
  #committing: Promise<void> | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    const { kafka, config, fail } = options;
    this.#consumer = kafka.consumer({
      groupId: config.group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      maxWaitTimeInMs: maxWaitMs,
      maxBytes: maxFetchBytes,
      maxBytesPerPartition: maxFetchBytes / 4,
      metadataMaxAge: metadataMaxAgeMs,
      allowAutoTopicCreation: false,
    });
    this.#consumer.on('consumer.group_join', ({ payload }) => {
      this.#assigned = payload.memberAssignment[config.topic] ?? [];
      this.#begun.clear();
      this.#saved = new Map();
    });
    // kafkajs deals out the topics of one member to all of them: then nobody reads the others'.
    this.#consumer.on('consumer.received_unsubscribed_topics', ({ payload }) => {
      const topics = payload.topicsNotSubscribed.join(', ');
      const problem = `the consumer group ${config.group} also reads ${topics}: give each topic its own KAFKA_GROUP`;
      fail(new AppError('refused', problem));
    });
    this.#consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) fail(payload.error);
    });
  }

  /** The partitions of which this process is in charge. */
  get assigned(): readonly number[] {
    return this.#assigned;
  }

  /** Joins the group, from the earliest record on where it has committed nothing. */
  async start(): Promise<void> {
    const { config, commitIntervalMs } = this.#options;
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [config.topic], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // No more than are worth having at hand: beyond, partitions wait for each other's room anyway.
      partitionsConsumedConcurrently: 16,
      eachBatch: (payload) => this.#take(payload),
    });
    this.#timers = [
      setInterval(() => void this.#commit(), commitIntervalMs),
      setInterval(() => {
        this.#makeRoom();
      }, wakeMs),
    ];
  }

  /** Begins no more records; those in flight are the deliverer's to end. */
  pause(): void {
    this.#consumer.pause([{ topic: this.#options.config.topic }]);
    this.#makeRoom();
  }

  /** Commits what is done and leaves the group. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#committing;
    await this.#commit();
    await this.#consumer.disconnect();
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { config, deliverer } = this.#options;
    const { batch } = payload;
    for (const message of batch.messages) {
      while (deliverer.inFlight >= maxInFlight) {
        await this.#room.promise;
        // Rejects when the group is rebalanced: kafkajs joins anew, and goes on from what is committed.
        await payload.heartbeat();
      }
      if (deliverer.isStopping || !payload.isRunning()) return;
      const record = toStoredRecord(config.topic, batch.partition, message);
      const progress = this.#progressOf(batch.partition, record.offset);
      progress.begin(record.offset);
      this.#begun.add(batch.partition);
      payload.resolveOffset(message.offset);
      void deliverer
        .handle(record, () => {
          progress.finish(record.offset);
        })
        .then(() => {
          this.#makeRoom();
        });
    }
    await payload.heartbeat();
  }

  #progressOf(partition: number, first: number): Progress {
    const known = this.#progress.get(partition);
    if (known !== undefined) return known;
    const progress = new Progress(first);
    this.#progress.set(partition, progress);
    return progress;
  }

  #makeRoom(): void {
    this.#room.resolve(undefined);
    this.#room = Promise.withResolvers();
  }

  async #commit(): Promise<void> {
    if (this.#committing !== undefined) return;
    const { topic } = this.#options.config;
    const done = this.#assigned.flatMap((partition) => {
      const committed = this.#begun.has(partition) ? this.#progress.get(partition)?.committed : undefined;
      return committed === undefined || committed === this.#saved.get(partition)
        ? []
        : [{ partition, committed }];
    });
    if (done.length === 0) return;
    const saved = this.#saved;
    this.#committing = this.#consumer
      .commitOffsets(
        done.map(({ partition, committed }) => ({ topic, partition, offset: String(committed) })),
      )
      .then(
        () => {
          for (const { partition, committed } of done) saved.set(partition, committed);
        },
        (error: unknown) => {
          // The next time will do: a restart before it delivers more records again.
          this.#options.log.warn(`the committed offsets could not be saved: ${messageOf(error)}`);
        },
      );
    await this.#committing;
    this.#committing = undefined;
  }
}
