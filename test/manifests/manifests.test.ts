// Each overlay, with and without components, as `kubectl apply -k` would send it: against the definitions of its kinds
// and against the rules.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { makeTempDir } from '../temp-dir.ts';
import { eventHeaders, startTestLog } from '../test-log.ts';
import { type Checks, readChecks, schemas, schemasMissing } from './custom-resource.ts';
import { kustomizeMissing, parseManifests, render, renderFor, root } from './kustomize.ts';
import { type Manifest, ofKind, typeOf } from './manifest.ts';
import { neededFeatures } from './pod-rules.ts';
import { rules } from './rules.ts';

const monitoring = 'knative/components/monitoring';
const features = ['config-features.yaml'];
const withTokens = [...features, 'config-features-oidc.yaml'];
const overlays = {
  kafka: { overlay: 'knative/overlays/kafka', components: [monitoring], features },
  'no-kafka': {
    overlay: 'knative/overlays/no-kafka',
    components: [monitoring, `${monitoring}-log`],
    features,
  },
  'kafka with tokens': {
    overlay: 'knative/overlays/kafka',
    components: [monitoring, 'knative/components/oidc'],
    features: withTokens,
  },
  'no-kafka with tokens': {
    overlay: 'knative/overlays/no-kafka',
    components: [monitoring, `${monitoring}-log`, 'knative/components/oidc-log'],
    features: withTokens,
  },
} as const;
const topics = 'kafka/topics';

const describeRendered = kustomizeMissing === '' ? describe : describe.skip;
const testAgainstSchemas = schemasMissing === '' ? test : test.skip;

describeRendered.each(Object.entries(overlays))(`the overlay %s${kustomizeMissing}`, (_name, user) => {
  let objects: Manifest[] = [];
  let withTopics: Manifest[] = [];
  beforeAll(() => {
    objects = parseManifests(renderFor(makeTempDir(), user));
    // Topics have the namespace of their Kafka, so they are rendered and applied apart.
    withTopics = [...objects, ...parseManifests(render(topics)).map(withoutNamespace)];
  });

  testAgainstSchemas(`fits the definitions of its kinds${schemasMissing}`, () => {
    const checks = readChecks(schemas);
    const checked = objects.filter((object) => checks.has(typeOf(object)));
    expect(checked.flatMap((object) => checks.get(typeOf(object))?.(object))).toEqual([]);
    expect(new Set(checked.map(typeOf))).toEqual(
      new Set(objects.map(typeOf).filter((type) => type.includes('knative'))),
    );
  });

  test.each(Object.entries(rules))('%s', (_sentence, rule) => {
    expect(rule(withTopics)).toEqual([]);
  });

  test('alone, comes in an order in which the functions find all that they need', () => {
    const names = parseManifests(render(user.overlay)).map(
      ({ kind, metadata }) => `${kind} ${metadata.name}`,
    );
    const needed = ['PersistentVolumeClaim accumulate', 'SinkBinding add', 'NetworkPolicy functions'];
    expect(names).toEqual(expect.arrayContaining(needed));
    expect(names.slice(-2)).toEqual(['Service accumulate', 'Service add']);
  });

  test('needs of Knative what knative/cluster switches on for it, and no more', () => {
    const data = Object.assign({}, ...user.features.map(readFeatures)) as Record<string, string>;
    expect(Object.keys(data).toSorted()).toEqual(neededFeatures(objects));
    expect(new Set(Object.values(data))).toEqual(new Set(['enabled']));
  });

  test('is the same in another namespace but for its name', () => {
    const elsewhere = renderFor(makeTempDir(), { ...user, namespace: 'elsewhere' });
    const named = parseManifests(elsewhere);
    expect(named.map(({ metadata }) => metadata.namespace)).toEqual(objects.map(() => 'elsewhere'));
    expect(elsewhere.match(/elsewhere/g)).toHaveLength(objects.length);
    expect(named.map(withoutNamespace)).toEqual(objects);
  });

  test('runs the image called tally in every container', () => {
    const images = renderFor(makeTempDir(), user).match(/image: .*/g);
    expect(new Set(images)).toEqual(new Set(['image: tally']));
  });
});

describeRendered(`the component public-accumulate${kustomizeMissing}`, () => {
  test('makes accumulate public and changes nothing else', () => {
    const user = { overlay: overlays.kafka.overlay };
    const text = renderFor(makeTempDir(), user);
    const components = ['knative/components/public-accumulate'];
    const visibility = /^ *networking\.knative\.dev\/visibility: cluster-local\n/m;
    expect(renderFor(makeTempDir(), { ...user, components })).toBe(text.replace(visibility, ''));
    expect(text).toMatch(visibility);
  });
});

describeRendered(`the sink of the overlay no-kafka${kustomizeMissing}`, () => {
  test('has a path at which the log takes events', async () => {
    const objects = parseManifests(render(overlays['no-kafka'].overlay));
    const [binding] = ofKind(objects, 'sources.knative.dev/v1 SinkBinding');
    const log = await startTestLog();
    const response = await fetch(log.url + (binding?.spec.sink.uri ?? ''), {
      method: 'POST',
      headers: eventHeaders('1'),
      body: '{"a":"2","b":"3","sum":"5"}',
    });
    expect(response.status).toBe(202);
  });
});

describe('the check against definitions', () => {
  let checks: Checks = new Map();
  const sink = (spec: Record<string, unknown>): Manifest => ({
    apiVersion: 'eventing.knative.dev/v1alpha1',
    kind: 'KafkaSink',
    metadata: { name: 'sums' },
    spec: { topic: 'sums', bootstrapServers: ['kafka:9092'], ...spec },
  });
  const complaints = (object: Manifest): string[] | undefined => checks.get(typeOf(object))?.(object);

  beforeAll(() => {
    if (schemasMissing === '') checks = readChecks(schemas);
  });

  testAgainstSchemas(`takes what is right${schemasMissing}`, () => {
    expect(complaints(sink({}))).toEqual([]);
  });

  testAgainstSchemas.each([
    ['a field that nobody knows', { contentmode: 'binary' }],
    ['a value of another type', { topic: 1 }],
    ['a value that is none of the choices', { contentMode: 'both' }],
    ['a field that is missing', { topic: undefined }],
  ])(`refuses %s${schemasMissing}`, (_what, spec) => {
    expect(complaints(sink(spec))).toEqual([expect.stringContaining('KafkaSink sums: /spec')]);
  });
});

function readFeatures(file: string): Record<string, string> {
  const text = readFileSync(join(root, 'knative/cluster', file), 'utf8');
  return (parse(text) as { data: Record<string, string> }).data;
}

function withoutNamespace(object: Manifest): Manifest {
  const metadata = { ...object.metadata };
  delete metadata.namespace;
  return { ...object, metadata };
}
