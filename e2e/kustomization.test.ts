import { afterEach, describe, expect, test } from '@jest/globals';

import { kustomizeMissing, parseManifests, render } from '../test/manifests/kustomize.ts';
import type { Manifest } from '../test/manifests/manifest.ts';
import { removeKustomization, writeKustomization } from './kustomization.ts';

const describeRendered = kustomizeMissing === '' ? describe : describe.skip;
const namespace = `test-${process.pid}`;

afterEach(() => {
  removeKustomization(namespace);
});

type Wanted = Parameters<typeof writeKustomization>[0];

function rendered(wanted: Partial<Wanted>): Manifest[] {
  const usual = {
    image: 'dev.local/tally:1',
    overlay: 'no-kafka',
    pods: 3,
    storageClass: undefined,
    kafka: undefined,
  } as const;
  const directory = writeKustomization({ ...usual, namespace, ...wanted });
  return parseManifests(render(directory));
}

function find(manifests: readonly Manifest[], kind: string, name: string, group = ''): Manifest | undefined {
  return manifests.find(
    (manifest) =>
      manifest.kind === kind && manifest.metadata.name === name && manifest.apiVersion.startsWith(group),
  );
}

describeRendered(`the kustomization that is applied${kustomizeMissing}`, () => {
  test.each(['no-kafka', 'kafka'] as const)('puts all of %s into the namespace', (overlay) => {
    const manifests = rendered({ overlay });
    expect(manifests.length).toBeGreaterThan(5);
    expect(manifests.map(({ metadata }) => metadata.namespace)).toEqual(manifests.map(() => namespace));
  });

  test.each([
    ['registry.example.com/tally:1.0', 'registry.example.com/tally:1.0'],
    ['localhost:5000/tally', 'localhost:5000/tally:latest'],
    [`tally@sha256:${'0'.repeat(64)}`, `tally@sha256:${'0'.repeat(64)}`],
  ])('takes the image %s', (image, written) => {
    const images = JSON.stringify(rendered({ image })).match(/"image":"[^"]+"/g);
    expect(images).toEqual(Array(3).fill(`"image":"${written}"`));
  });

  test('lets a small load scale add beyond the pods that are asked for, and reads reach accumulate', () => {
    const manifests = rendered({ pods: 5 });
    expect(find(manifests, 'Service', 'add', 'serving')).toMatchObject({
      spec: {
        template: {
          metadata: {
            annotations: {
              'autoscaling.knative.dev/target': '4',
              'autoscaling.knative.dev/max-scale': '6',
              'autoscaling.knative.dev/min-scale': '0',
            },
          },
        },
      },
    });
    const accumulate = find(manifests, 'Service', 'accumulate', 'serving');
    expect(accumulate?.metadata.labels).not.toHaveProperty(['networking.knative.dev/visibility']);
  });

  test('applies things in the order in which they are listed, a claim before the function that mounts it', () => {
    const kinds = rendered({}).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const claim = kinds.indexOf('PersistentVolumeClaim/accumulate');
    expect(claim).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf('Service/accumulate')).toBeGreaterThan(claim);
  });

  test('gives every claim the storage class, if one is named', () => {
    const claims = (manifests: Manifest[]) =>
      manifests.filter(({ kind }) => kind === 'PersistentVolumeClaim').map(({ spec }) => spec);
    expect(claims(rendered({ storageClass: 'fast' }))).toEqual(
      Array(2).fill(expect.objectContaining({ storageClassName: 'fast' })),
    );
    expect(JSON.stringify(claims(rendered({})))).not.toContain('storageClassName');
  });

  test('gives Kafka a topic and a group of its own, so that nobody else’s records are touched', () => {
    const manifests = rendered({ overlay: 'kafka', kafka: 'one:9092,two:9092' });
    const bootstrapServers = ['one:9092', 'two:9092'];
    expect(find(manifests, 'KafkaSink', 'sums')?.spec).toMatchObject({ topic: namespace, bootstrapServers });
    expect(find(manifests, 'KafkaSink', 'sums-dead-letter')?.spec).toMatchObject({
      topic: `${namespace}-dead-letter`,
      bootstrapServers,
    });
    expect(find(manifests, 'KafkaSource', 'sums')?.spec).toMatchObject({
      topics: [namespace],
      consumerGroup: namespace,
      initialOffset: 'earliest',
      bootstrapServers,
    });
  });
});
