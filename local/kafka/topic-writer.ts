// Appends records to one topic through an idempotent producer, all in sync replicas acknowledging (I1). One request at a
// time: whatever arrives meanwhile shares the next one.

import kafkajs, { type ICustomPartitioner, type Kafka, type Producer, type RecordMetadata } from 'kafkajs';

import { Batcher } from '../../lib/batcher.ts';
import { AppError, messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { type LogRecord, recordBytes } from '../log/record.ts';
import { requestTimeoutMs } from './client.ts';
import { type OutgoingMessage, toMessage } from './record.ts';

const maxBatchRecords = 1_000;
/** A broker refuses a batch of more than 1 MiB as a whole (`message.max.bytes`); only a record alone may be larger. */
const maxRequestBytes = 524_288;
const allReplicas = -1;
/** About five seconds where connections are refused; a request that is not answered takes its timeout. */
const retry = { retries: 4, initialRetryTime: 300, maxRetryTime: 2_000 };

export class TopicWriter {
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #log: Log;
  readonly #batcher: Batcher<LogRecord, AppError | undefined>;
  #producer: Promise<Producer> | undefined;
  #isFailing = false;

  constructor(kafka: Kafka, topic: string, log: Log) {
    this.#kafka = kafka;
    this.#topic = topic;
    this.#log = log;
    this.#batcher = new Batcher((records) => this.#appendAll(records), maxBatchRecords);
  }

  /** Resolves when the record is acknowledged. A rejection says nothing about whether it is in the topic (I7). */
  async append(record: LogRecord): Promise<void> {
    const failure = await this.#batcher.submit(record);
    if (failure !== undefined) throw failure;
  }

  async close(): Promise<void> {
    await this.#batcher.settled();
    await this.#discard();
  }

  /** In requests of a size that the broker takes; gives each record what became of its request. */
  async #appendAll(records: readonly LogRecord[]): Promise<(AppError | undefined)[]> {
    const results: (AppError | undefined)[] = [];
    let unreachable: AppError | undefined;
    for (const request of inRequests(records)) {
      // Once the retries of one were in vain, the others need not wait for theirs.
      const failure = unreachable ?? (await this.#send(request));
      if (failure !== undefined && !isTooLarge(failure)) unreachable = failure;
      results.push(...request.map(() => failure));
    }
    return results;
  }

  async #send(records: readonly LogRecord[]): Promise<AppError | undefined> {
    const messages = records.map(toMessage);
    try {
      const producer = await (this.#producer ??= this.#connect());
      const acknowledged = await producer.send({
        topic: this.#topic,
        messages,
        acks: allReplicas,
        timeout: requestTimeoutMs,
      });
      checkAcknowledged(messages, acknowledged);
    } catch (error) {
      await this.#discard();
      // Said once, not for each record that Kafka does not take.
      if (!this.#isFailing) {
        this.#log.error({ reason: messageOf(error) }, `${this.#topic} cannot be written: answering 503`);
      }
      this.#isFailing = true;
      return new AppError('unavailable', `Kafka did not acknowledge: ${messageOf(error)}`, { cause: error });
    }
    if (this.#isFailing) this.#log.info(`${this.#topic} is written again`);
    this.#isFailing = false;
    return undefined;
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: createStablePartitioner,
      retry,
    });
    await producer.connect();
    return producer;
  }

  /**
   * Ends the producer; the next batch gets a new one with a producer id of its own. kafkajs sets the sequence numbers of
   * a batch that failed back, though the broker may have written it: under the same producer id the broker would then
   * take the next batch for a repetition, and acknowledge it without writing it.
   */
  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    try {
      await (await producer)?.disconnect();
    } catch (error) {
      this.#log.debug({ reason: messageOf(error) }, 'a producer did not end in order');
    }
  }
}

function* inRequests(records: readonly LogRecord[]): Generator<LogRecord[]> {
  let request: LogRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordBytes(record);
    if (request.length > 0 && bytes + size > maxRequestBytes) {
      yield request;
      [request, bytes] = [[], 0];
    }
    request.push(record);
    bytes += size;
  }
  yield request;
}

/** Whether the broker refused the record for its size, which no retry changes. */
export function isTooLarge({ cause }: AppError): boolean {
  const type: unknown = (cause as { readonly type?: unknown } | undefined)?.type;
  return type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE';
}

/**
 * Chooses the partition of a message once, as Kafka's own clients do by its key. A retry must not choose again: a record
 * without a key could then take the sequence number of one that was written.
 */
function createStablePartitioner(): ReturnType<ICustomPartitioner> {
  const choose = kafkajs.Partitioners.DefaultPartitioner();
  return (args) => {
    const message = args.message as OutgoingMessage;
    return (message.partition ??= choose(args));
  };
}

/**
 * @throws Error when a partition that a message went to is not acknowledged: when leaders move while it retries, kafkajs
 * may leave a partition out and resolve all the same
 */
export function checkAcknowledged(
  messages: readonly Pick<OutgoingMessage, 'partition'>[],
  acknowledged: readonly RecordMetadata[],
): void {
  const partitions = new Set(
    acknowledged.filter(({ errorCode }) => errorCode === 0).map(({ partition }) => partition),
  );
  for (const { partition } of messages) {
    if (partition === undefined || !partitions.has(partition)) {
      throw new Error(`partition ${String(partition)} was not acknowledged`);
    }
  }
}
