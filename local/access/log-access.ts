// How an operator's command reaches the log from outside, whichever log it is: the embedded one while it runs, its file
// while it does not, or Kafka.

import { EnvReader } from '../../lib/env.ts';
import { AppError, show } from '../../lib/errors.ts';
import { rejectStrayKafka, wantsKafka } from '../kafka/wanted.ts';
import type { LogRecord, StoredRecord, Topic } from '../log/record.ts';

export interface PartitionRange {
  readonly partition: number;
  /** The oldest record's that is kept; `nextOffset` when there is none. */
  readonly firstOffset: number;
  /** The next record's. */
  readonly nextOffset: number;
  /** Every record of `sums` before it is delivered or in the dead letters; of the dead letters it is `firstOffset`. */
  readonly committedOffset: number;
}

/** The records of a partition with `from <= offset < to`. */
export interface ReadRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Every call throws an AppError that says what to do. */
export interface LogAccess {
  /** What it is, for messages: `http://localhost:8082` or `Kafka localhost:9092, topic sums`. */
  readonly name: string;
  partitions(topic: Topic): Promise<PartitionRange[]>;
  /**
   * The records of the ranges in pages, those of each partition in order; ends when all are read. Of the log there are
   * never more than a few pages in memory.
   */
  read(topic: Topic, ranges: readonly ReadRange[]): AsyncIterable<readonly StoredRecord[]>;
  /** Stores a record with the headers as they are; it is durable when the promise resolves (I1). */
  append(topic: Topic, record: LogRecord): Promise<void>;
  close(): Promise<void>;
}

/** For a command's help. */
export const logHelp = `The log is --log, the address of an embedded one that runs, or its log.db or data directory while it is stopped; else
Kafka, where KAFKA_BROKERS and its companions are set; else at LOG_URL; else on this machine at LOG_PORT, or 8082.`;

/**
 * Opens the log that `--log` names, else the one of the environment.
 * @param log an address, or a path
 * @throws ConfigError naming every variable that is wrong; AppError when the log is not to be had
 */
export async function openLog(log: string | undefined, env: NodeJS.ProcessEnv): Promise<LogAccess> {
  if (log !== undefined && !/^https?:\/\//.test(log)) {
    const { openStoredLog } = await import('./stored-log.ts');
    return openStoredLog(log);
  }
  const reader = new EnvReader(env);
  if (log === undefined && wantsKafka(env)) {
    if (reader.text('LOG_URL') !== undefined) {
      reader.problem('KAFKA_BROKERS, LOG_URL', 'should not both be set: which log is it?');
    }
    const [{ readKafka }, { openKafkaLog }] = await Promise.all([
      import('../kafka/config.ts'),
      import('./kafka-log.ts'),
    ]);
    const config = readKafka(reader);
    reader.done();
    return openKafkaLog(config);
  }
  const url = reader.url('LOG_URL') ?? new URL(`http://localhost:${reader.port('LOG_PORT', 8082)}`);
  if (log === undefined) rejectStrayKafka(reader);
  reader.done();
  const { openRunningLog } = await import('./running-log.ts');
  return openRunningLog(log === undefined ? url : parseUrl(log));
}

function parseUrl(log: string): URL {
  const url = URL.parse(log);
  if (url === null) throw new AppError('invalid', `--log ${show(log)} is no address`);
  return url;
}
