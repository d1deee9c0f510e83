import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { declareTopics, replicas } from './topics.ts';

interface KafkaTopic {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly partitions: number;
    readonly replicas: number;
    readonly config: Readonly<Record<string, string | number>>;
  };
}

test('the topics are those that kafka/topics declares for Strimzi', () => {
  for (const { topic, partitions, settings } of declareTopics('sums')) {
    const path = fileURLToPath(new URL(`../../kafka/topics/${topic}.yaml`, import.meta.url));
    const { metadata, spec } = parse(readFileSync(path, 'utf8')) as KafkaTopic;
    const config = Object.entries(spec.config).map(([name, value]) => [name, String(value)]);
    expect({ ...spec, name: metadata.name, config: Object.fromEntries(config) as unknown }).toEqual({
      name: topic,
      partitions,
      replicas,
      config: settings,
    });
  }
});
