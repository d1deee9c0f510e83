// The state of the topics and of the consumer group, asked of Kafka.

import type { Admin } from 'kafkajs';

import type { LogStatus } from '../log/status.ts';
import type { KafkaConfig } from './config.ts';
import { deadLetterTopicOf } from './topics.ts';

export interface PartitionStatus {
  readonly partition: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
  /** Of the group: every record before it is delivered or in the dead letters. */
  readonly committedOffset: number;
  /** Whether this process is in charge of it. */
  readonly assigned: boolean;
}

export interface BridgeStatus extends LogStatus {
  readonly topic: string;
  readonly group: string;
  readonly partitions: readonly PartitionStatus[];
}

type OfKafka = Pick<BridgeStatus, 'records' | 'lag' | 'deadLetters' | 'topic' | 'group' | 'partitions'>;

/**
 * What is committed is asked first: whatever it says is done then shows in the rest, a dead letter among the letters.
 * @throws KafkaJSError
 */
export async function readStatus(
  admin: Admin,
  { topic, group }: Pick<KafkaConfig, 'topic' | 'group'>,
  assigned: readonly number[],
): Promise<OfKafka> {
  const groups = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  const [ends, deadLetters] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchTopicOffsets(deadLetterTopicOf(topic)),
  ]);
  const committed = new Map(
    groups[0]?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
  );
  const partitions = ends
    .map(({ partition, low, high }) => ({
      partition,
      firstOffset: Number(low),
      nextOffset: Number(high),
      // -1 where the group has committed nothing yet; behind `low` where retention has removed what it had not read.
      committedOffset: Math.max(committed.get(partition) ?? 0, Number(low)),
      assigned: assigned.includes(partition),
    }))
    .toSorted((x, y) => x.partition - y.partition);
  return {
    records: sum(partitions.map(({ firstOffset, nextOffset }) => nextOffset - firstOffset)),
    lag: sum(partitions.map(({ committedOffset, nextOffset }) => nextOffset - committedOffset)),
    deadLetters: sum(deadLetters.map(({ low, high }) => Number(high) - Number(low))),
    topic,
    group,
    partitions,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
