// What the command does with the cluster when something ends it early, with a kubectl that only says what it was asked.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { makeTempDir } from '../test/temp-dir.ts';
import { closeAfterTest } from '../test/test-log.ts';
import { until } from '../test/until.ts';
import { removeKustomization } from './kustomization.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const namespace = 'tally-test';
const needed = [
  '--image',
  'tally:1',
  '--overlay',
  'no-kafka',
  '--gateway',
  '127.0.0.1:9',
  '--namespace',
  namespace,
];

let directory: string;

beforeEach(() => {
  directory = makeTempDir();
});

afterEach(() => {
  removeKustomization(namespace);
});

/** Calls of kubectl so far, without the namespace that each has. */
function calls(): string[] {
  const file = join(directory, 'calls');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  return lines.map((line) => line.replace(`--namespace ${namespace} `, ''));
}

/** The last pod is gone as soon as it is asked for. */
const noPods = '[ "$4 $5" != "pods --output=name" ] || exit 0';

/** @param fake shell commands for `$3`, kubectl's verb */
function start(fake: string, ...args: string[]) {
  const kubectl = `#!/bin/sh\necho "$@" >> ${join(directory, 'calls')}\nverb=$3\n${noPods}\n${fake}\n`;
  writeFileSync(join(directory, 'kubectl'), kubectl, { mode: 0o755 });
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: `${directory}${delimiter}${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  closeAfterTest(() => Promise.resolve(void child.kill('SIGKILL')));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, output }));
  return { child, ended, output: () => output };
}

const neverReady = `[ "$verb" != get ] || echo '{"metadata":{"name":"x"},"items":[]}'`;

test('Ctrl-C removes what was installed, and what was prepared', async () => {
  const note = join(directory, 'cleaned');
  const { child, ended, output } = start(neverReady, ...needed, '--cleanup', `echo "$NAMESPACE" > ${note}`);
  await until('it waits', () => output().includes('says nothing yet'));
  child.kill('SIGINT');
  const { code } = await ended;
  expect(code).toBe(130);
  expect(calls().at(-1)).toMatch(`delete namespace ${namespace}`);
  expect(readFileSync(note, 'utf8')).toBe(`${namespace}\n`);
});

test('a failure is explained, and removes what was installed', async () => {
  const { code, output } = await start(
    `[ "$verb" != apply ] || { echo 'admission webhook denied it' >&2; exit 1; }
     [ "$verb" != get ] || echo '{"items":[{"kind":"Service","metadata":{"name":"add"},"type":"Warning",
       "reason":"InternalError","message":"no luck","involvedObject":{"kind":"Service","name":"add"},
       "status":{"conditions":[{"type":"Ready","status":"False","reason":"RevisionFailed"}]}}]}'`,
    ...needed,
  ).ended;
  expect(code).toBe(1);
  expect(output).toContain('failed: installing: kubectl apply');
  expect(output).toContain('admission webhook denied it');
  expect(output).toContain('Service add: Ready is False, RevisionFailed');
  expect(output).toContain('Service add: InternalError: no luck');
  expect(calls().at(-1)).toMatch(`delete namespace ${namespace}`);
});

test('what cannot be removed by itself goes with the namespace', async () => {
  const { code, output } = await start(
    `[ "$verb" != apply ] || exit 1
     [ "$verb $4" != "delete namespace" ] || exit 0
     [ "$verb" != delete ] || { echo "the server doesn't have a resource type" >&2; exit 1; }
     echo '{"items":[]}'`,
    ...[...needed, '--cleanup', 'exit 3'],
  ).ended;
  expect(code).toBe(1);
  expect(output).toContain('exit 3 ended with 3; kubectl delete services.serving.knative.dev');
  expect(calls().at(-1)).toMatch(`delete namespace ${namespace}`);
});

test('--keep leaves it', async () => {
  const { code, output } = await start(`[ "$verb" != apply ] || exit 1; echo '{}'`, ...needed, '--keep')
    .ended;
  expect(code).toBe(1);
  expect(output).toContain(`kubectl delete namespace ${namespace} removes it`);
  expect(calls().filter((call) => call.startsWith('delete'))).toEqual([]);
});

test('a namespace that exists is not touched', async () => {
  const { code, output } = await start(`echo 'namespaces "x" already exists' >&2; exit 1`, ...needed).ended;
  expect(code).toBe(1);
  expect(output).toContain('already exists');
  expect(calls()).toEqual([`create namespace ${namespace}`]);
});

test('wrong usage is explained with exit code 64, and nothing is done', async () => {
  const { code, output } = await start('', '--overlay', 'kafka').ended;
  expect(code).toBe(64);
  expect(output).toMatch(/^--image is missing.*\n\nnpm run e2e -- /);
  expect(calls()).toEqual([]);
});
