// The kustomization that installs an overlay for a test: in a namespace of its own, accumulate reachable through the
// gateway, add scaled by a load that a laptop can make, and with Kafka on a topic and a group of its own, so that no
// record of anybody else is counted or committed.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { stringify } from 'yaml';

import { deadLetterTopicOf } from '../local/kafka/topics.ts';
import type { Options } from './options.ts';

type Wanted = Pick<Options, 'image' | 'overlay' | 'namespace' | 'pods' | 'storageClass' | 'kafka'>;

/** The calls in flight for each pod of add. */
const addTarget = 4;

const cache = fileURLToPath(new URL('../.cache/e2e/', import.meta.url));

/** Writes it. @returns the directory, for `kubectl apply -k` */
export function writeKustomization(wanted: Wanted): string {
  const directory = directoryOf(wanted.namespace);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'kustomization.yaml'), stringify(createKustomization(wanted)));
  return directory;
}

export function removeKustomization(namespace: string): void {
  rmSync(directoryOf(namespace), { recursive: true, force: true });
}

function directoryOf(namespace: string): string {
  return join(cache, namespace);
}

function createKustomization({ image, overlay, namespace, pods, storageClass, kafka }: Wanted) {
  const root = '../../../knative';
  const patches = [
    patchOf({ kind: 'Service', group: 'serving.knative.dev', name: 'add' }, 'add', [
      ['/spec/template/metadata/annotations/autoscaling.knative.dev~1target', String(addTarget)],
      ['/spec/template/metadata/annotations/autoscaling.knative.dev~1max-scale', String(pods + 1)],
    ]),
    ...(storageClass === undefined
      ? []
      : [patchOf({ kind: 'PersistentVolumeClaim' }, 'add', [['/spec/storageClassName', storageClass]])]),
    ...(overlay === 'kafka' ? kafkaPatches(namespace, kafka) : []),
  ];
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    // As listed, so that the SinkBinding is there before the function that it binds.
    sortOptions: { order: 'fifo' },
    resources: [`${root}/overlays/${overlay}`],
    components: [`${root}/components/public-accumulate`],
    images: [imageOf(image)],
    patches,
  };
}

function kafkaPatches(namespace: string, kafka: string | undefined) {
  const servers: Change[] = kafka === undefined ? [] : [['/spec/bootstrapServers', kafka.split(',')]];
  // A KafkaSink that is told so creates its topic, and removes it when it is deleted.
  const sink = (name: string, topic: string) =>
    patchOf({ kind: 'KafkaSink', name }, 'add', [
      ...servers,
      ['/spec/topic', topic],
      ['/spec/numPartitions', 3],
      ['/spec/replicationFactor', 1],
    ]);
  return [
    sink('sums', namespace),
    sink('sums-dead-letter', deadLetterTopicOf(namespace)),
    patchOf({ kind: 'KafkaSource', name: 'sums' }, 'add', [
      ...servers,
      ['/spec/topics', [namespace]],
      ['/spec/consumerGroup', namespace],
    ]),
  ];
}

type Change = readonly [path: string, value: unknown];

/** RFC 6902, section 4.1: adding what is there replaces it. */
function patchOf(target: Readonly<Record<string, string>>, op: 'add', changes: readonly Change[]) {
  return { target, patch: JSON.stringify(changes.map(([path, value]) => ({ op, path, value }))) };
}

function imageOf(image: string) {
  const [name = '', digest] = image.split('@');
  if (digest !== undefined) return { name: 'tally', newName: name, digest };
  // What follows the last colon is a tag, unless it is the port of a registry.
  const [, newName = name, newTag = 'latest'] = /^(.+):([^/:]+)$/.exec(name) ?? [];
  return { name: 'tally', newName, newTag };
}
