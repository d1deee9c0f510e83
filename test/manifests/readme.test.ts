// What the READMEs of knative/ and kafka/ show does what they say.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';

import { makeTempDir } from '../temp-dir.ts';
import { kustomizeMissing, parseManifests, render, root } from './kustomize.ts';

const testRendered = kustomizeMissing === '' ? test : test.skip;

/** The code blocks of a language. */
function blocksOf(readme: string, language: string): string[] {
  const text = readFileSync(join(root, readme), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  );
}

describe("a user's own kustomization in knative/README.md", () => {
  testRendered(`sets what it says and nothing else${kustomizeMissing}`, () => {
    const directory = makeTempDir();
    for (const block of blocksOf('knative/README.md', 'yaml')) {
      const name = /^# (\S+\.yaml)\n/.exec(block)?.[1] ?? '';
      writeFileSync(join(directory, name), block.replaceAll('../tally', relative(directory, root)));
    }
    const text = render(directory);
    const kinds = parseManifests(text).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['KafkaSource', 'PodMonitor', 'DomainMapping']));
    expect(kinds.indexOf('SinkBinding')).toBeLessThan(kinds.indexOf('Service'));
    expect(text.match(/^ {2}namespace: sums$/gm)).toHaveLength(kinds.length);
    expect(text.match(/image: .*/g)).toEqual(Array(2).fill('image: registry.example.com/tally:1.0'));
    expect(text.match(/bootstrapServers:\n *- .*/g)?.map((lines) => lines.split('- ')[1])).toEqual(
      Array(3).fill('kafka.example.com:9092'),
    );
    expect(text).toMatch(/storage: 50Gi\n {2}storageClassName: fast/);
  });
});

test('knative/README.md has every folder in its table', () => {
  const folders = ['overlays', 'components'].flatMap((parent) =>
    readdirSync(join(root, 'knative', parent)).map((name) => `${parent}/${name}`),
  );
  const table = readFileSync(join(root, 'knative/README.md'), 'utf8')
    .split('\n\n')
    .find((part) => part.startsWith('| folder'));
  for (const folder of ['base', 'cluster', ...folders]) expect(table).toContain(`\`${folder}\``);
});

describe('the settings of the data plane in kafka/README.md', () => {
  test('change only those lines, and show them', () => {
    const directory = makeTempDir();
    // As Knative releases them, to the lines that matter.
    const sink = writeConfigMap(directory, 'config-kafka-sink-data-plane', [
      'acks=all',
      'delivery.timeout.ms=120000',
      'request.timeout.ms=2000',
      'enable.idempotence=false',
      'max.in.flight.requests.per.connection=5',
    ]);
    const source = writeConfigMap(directory, 'config-kafka-source-data-plane', [
      'default.api.timeout.ms=2000',
      'fetch.min.bytes=1',
      'fetch.max.wait.ms=500',
      'max.poll.records=50',
    ]);
    const commands = blocksOf('kafka/README.md', 'sh').find((block) => block.includes('replace')) ?? '';
    const { stdout, stderr } = spawnSync('bash', ['-eu', '-c', kubectlOverFiles + commands], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(sink()).toEqual([
      'acks=all',
      'delivery.timeout.ms=120000',
      'request.timeout.ms=30000',
      'enable.idempotence=true',
      'max.in.flight.requests.per.connection=5',
    ]);
    expect(source()).toEqual([
      'default.api.timeout.ms=2000',
      'fetch.min.bytes=1',
      'fetch.max.wait.ms=20',
      'max.poll.records=50',
    ]);
    expect(stdout.trim().split(/\n */)).toEqual([
      'acks=all',
      'request.timeout.ms=30000',
      'enable.idempotence=true',
      'fetch.max.wait.ms=20',
      'rollout restart deployment/kafka-sink-receiver statefulset/kafka-source-dispatcher -n knative-eventing',
    ]);
  });
});

/** A kubectl for the shell that knows the files of a directory as its ConfigMaps. */
const kubectlOverFiles = `
kubectl() {
  case $1 in
    get) shift 2; while [ "$1" != -n ]; do cat "$1"; shift; done ;;
    replace) cat > new; mv new "$(sed -n 's/^  name: //p' new)" ;;
    rollout) echo "$*" ;;
  esac
}
`;

/** @returns the lines as they are now */
function writeConfigMap(directory: string, name: string, lines: readonly string[]): () => string[] {
  const path = join(directory, name);
  const data = { 'kafka.properties': lines.map((line) => `${line}\n`).join('') };
  writeFileSync(path, stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }));
  return () =>
    (parse(readFileSync(path, 'utf8')) as { data: typeof data }).data['kafka.properties'].trim().split('\n');
}
