// The two topics as they should be, which kafka/topics declares for Strimzi: created where they are missing, compared where
// they are there. What is there is never changed: kafkajs can only replace all of a topic's settings at once.

import { setTimeout as wait } from 'node:timers/promises';

import kafkajs, { type Admin } from 'kafkajs';

export interface DeclaredTopic {
  readonly topic: string;
  readonly partitions: number;
  /** https://kafka.apache.org/documentation/#topicconfigs */
  readonly settings: Readonly<Record<string, string>>;
}

export interface TopicReport {
  readonly created: readonly string[];
  /** What of a topic is not as declared, one line each. */
  readonly differences: readonly string[];
}

/** Fewer where there are fewer brokers, as on a laptop. */
export const replicas = 3;
export const minInsyncReplicas = 2;

/** How long new topics may take to get their leaders. */
const maxAttempts = 100;
const attemptPauseMs = 100;

const day = 86_400_000;

export function deadLetterTopicOf(topic: string): string {
  return `${topic}-dead-letter`;
}

/** As declared for brokers of which there are at least `replicas`. */
export function declareTopics(topic: string): readonly DeclaredTopic[] {
  const settings = {
    'cleanup.policy': 'delete',
    'compression.type': 'zstd',
    'min.insync.replicas': String(minInsyncReplicas),
  };
  return [
    // Shorter than DEDUPE_WINDOW: an id must outlive the records that carry it.
    { topic, partitions: 12, settings: { ...settings, 'retention.ms': String(7 * day) } },
    {
      topic: deadLetterTopicOf(topic),
      partitions: 3,
      settings: {
        ...settings,
        // Kept until somebody has looked at them.
        'retention.ms': '-1',
        // Room for the largest record and what is said of its failure.
        'max.message.bytes': '2097152',
      },
    },
  ];
}

/** Creates what is missing and compares what is there. @throws KafkaJSError */
export async function ensureTopics(admin: Admin, topic: string): Promise<TopicReport> {
  const { brokers } = await admin.describeCluster();
  const replicationFactor = Math.min(replicas, brokers.length);
  const insync = String(Math.min(minInsyncReplicas, replicationFactor));
  const declared = declareTopics(topic).map(({ settings, ...rest }) => ({
    ...rest,
    settings: { ...settings, 'min.insync.replicas': insync },
  }));
  const known = new Set(await admin.listTopics());
  const missing = declared.filter((one) => !known.has(one.topic));
  if (missing.length > 0) {
    await admin.createTopics({
      topics: missing.map(({ topic: name, partitions, settings }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor,
        configEntries: Object.entries(settings).map(([setting, value]) => ({ name: setting, value })),
      })),
      // kafkajs gives up when a broker has not heard of them yet.
      waitForLeaders: false,
    });
    await waitForLeaders(admin, missing);
  }
  const present = declared.filter((one) => known.has(one.topic));
  const differences = await Promise.all(present.map((one) => compare(admin, one)));
  return { created: missing.map((one) => one.topic), differences: differences.flat() };
}

async function waitForLeaders(admin: Admin, declared: readonly DeclaredTopic[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: declared.map(({ topic }) => topic) });
      const led = topics.flatMap(({ partitions }) => partitions).filter(({ leader }) => leader >= 0);
      const wanted = declared.reduce((count, { partitions }) => count + partitions, 0);
      if (led.length >= wanted) return;
      if (attempt === maxAttempts) throw new Error('the new topics have no leaders yet');
    } catch (error) {
      if (attempt === maxAttempts) throw error;
    }
    await wait(attemptPauseMs);
  }
}

async function compare(
  admin: Admin,
  { topic, partitions, settings }: DeclaredTopic,
): Promise<readonly string[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const is = topics[0]?.partitions.length ?? 0;
  const differences = is === partitions ? [] : [`${topic} has ${is} partitions, declared are ${partitions}`];
  const { resources } = await admin.describeConfigs({
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: Object.keys(settings) }],
    includeSynonyms: false,
  });
  for (const { configName, configValue } of resources[0]?.configEntries ?? []) {
    const should = settings[configName];
    if (should !== undefined && should !== configValue) {
      differences.push(`${topic} has ${configName}=${configValue}, declared is ${should}`);
    }
  }
  return differences;
}
