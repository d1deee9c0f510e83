import { expect, test } from '@jest/globals';

import { declareTopics, replicas } from '../../local/kafka/topics.ts';
import { kustomizeMissing, parseManifests, render } from './kustomize.ts';
import { ofKind } from './manifest.ts';

const testRendered = kustomizeMissing === '' ? test : test.skip;

testRendered(`Strimzi makes the topics that npm run kafka:topics makes${kustomizeMissing}`, () => {
  const topics = ofKind(parseManifests(render('kafka/topics')), 'kafka.strimzi.io/v1 KafkaTopic');
  const declared = topics.map(({ metadata, spec }) => ({
    topic: metadata.name,
    partitions: spec.partitions,
    replicas: spec.replicas,
    settings: Object.fromEntries(
      Object.entries(spec.config ?? {}).map(([name, value]) => [name, String(value)]),
    ),
  }));
  const byName = (x: { topic: string }, y: { topic: string }): number => x.topic.localeCompare(y.topic);
  expect(declared.toSorted(byName)).toEqual(declareTopics('sums').map((topic) => ({ ...topic, replicas })));
});
