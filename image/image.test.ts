// An image cannot be built in a test, but what is in it can: the tree that the Dockerfile's build stage makes. It is run
// here as a pod runs it: by a user who may write neither to it nor to a temporary directory. Nobody but root can start
// a process as another user; without root it is this user, and the tree is read-only.

import { execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client, credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { ListeningMessage } from '../lib/lifecycle.ts';
import { createAdder } from '../test/adder-client.ts';
import { makeTempDir } from '../test/temp-dir.ts';
import { closeAfterTest } from '../test/test-log.ts';
import { until } from '../test/until.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const base = mkdtempSync(join(tmpdir(), 'tally-image-'));
const tree = join(base, 'app');
const node = join(base, 'node');

const uid = Number(/^USER (\d+):\1$/m.exec(dockerfile)?.[1]);
const user = process.getuid?.() === 0 ? { uid, gid: uid } : {};
const entry = /^CMD \["(.+)"\]$/m.exec(dockerfile)?.[1] ?? '';
const environment = { PATH: '/usr/bin:/bin', HOST: '127.0.0.1', NODE_ENV: 'production', TMPDIR: '/nowhere' };

beforeAll(() => {
  // What a build is given: .dockerignore names all of it.
  const context = join(base, 'context');
  const named = readFileSync(join(root, '.dockerignore'), 'utf8').matchAll(/^!(.+)$/gm);
  for (const [, name = ''] of named) cpSync(join(root, name), join(context, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(context, 'node_modules'));
  execFileSync(process.execPath, [join(context, 'image/build.ts'), tree]);
  // Where this Node is, another user may not be let in.
  cpSync(process.execPath, node);
  execFileSync('chmod', ['-R', 'a-w', tree]);
  chmodSync(base, 0o755);
}, 120_000);

afterAll(() => {
  execFileSync('chmod', ['-R', 'u+w', tree]);
  rmSync(base, { recursive: true });
});

/** A directory that the image's user may write to, as a volume is. */
function makeVolume(): string {
  const directory = makeTempDir();
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid);
  return directory;
}

/** One part, as the image starts it. */
function startPart(part: string, env: Readonly<Record<string, string>>) {
  const child = fork(join(tree, entry), {
    ...user,
    cwd: tree,
    execPath: node,
    // With this Node refuses TypeScript: nothing but the bundle is loaded.
    execArgv: ['--no-strip-types'],
    env: { ...environment, PORT: '0', FUNCTION: part, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  closeAfterTest(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended, output: () => output };
}

/** One part that is ready. */
async function start(part: string, env: Readonly<Record<string, string>>) {
  const { child, ended, output } = startPart(part, env);
  const failed = ended.then(([code]) => {
    throw new Error(`${part} ended at its start with ${String(code)}:\n${output()}`);
  });
  failed.catch(() => undefined);
  const [{ listening }] = (await Promise.race([once(child, 'message'), failed])) as [ListeningMessage];
  const address = `127.0.0.1:${listening}`;
  const url = `http://${address}`;
  await until(`${part} is ready`, async () => (await fetch(`${url}/health/readiness`)).ok);
  const get = async (path: string) => (await fetch(`${url}${path}`)).text();
  const stop = async () => {
    child.kill('SIGTERM');
    return (await ended)[0];
  };
  return { address, url, get, stop };
}

describe('what is in it', () => {
  interface Manifest {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  }

  test('every package of the run time and none of the development', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
    const isThere = (name: string) => existsSync(join(tree, 'node_modules', name, 'package.json'));
    expect(Object.keys(manifest.dependencies).filter((name) => !isThere(name))).toEqual([]);
    expect(Object.keys(manifest.devDependencies).filter(isThere)).toEqual([]);
  });

  test('no tests, no benchmarks, no documents', () => {
    const files = globSync('**', { cwd: tree, exclude: ['node_modules'] }).filter((file) => file !== '.');
    expect(files).toEqual(
      expect.arrayContaining([entry, 'functions/accumulate/verify.ts', 'proto/adder.proto']),
    );
    const allowed =
      /^(LICENSE|package\.json|start\.js|(audit|client|dead-letters|dist|functions|lib|local|proto)(\/.*)?)$/;
    expect(files.filter((file) => !allowed.test(file) || /test|fixture|harness/.test(file))).toEqual([]);
  });
});

describe('what it runs', () => {
  test('I2 the parts count an Add once, write nothing but their volumes, and end with 0 on SIGTERM', async () => {
    const volume = makeVolume();
    const accumulate = await start('accumulate', { DATA_DIR: volume });
    const logVolume = makeVolume();
    const log = await start('log', { DATA_DIR: logVolume, SUBSCRIBER: accumulate.url });
    const add = await start('add', { K_SINK: `${log.url}/default/sums` });
    const request = { requestId: '5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f', a: '2', b: '0.1' };
    const call = createAdder(add.address, 10_000);
    await expect(call(request)).resolves.toMatchObject({ sum: '2.1', replayed: false });
    await expect(call(request)).resolves.toMatchObject({ sum: '2.1', replayed: true });
    await expect(call({ ...request, a: '3' })).resolves.toMatchObject({ code: status.ALREADY_EXISTS });
    expect(await accumulate.get(`/requests/${request.requestId}?wait=20s`)).toContain('"sum":"2.1"');
    expect(JSON.parse(await accumulate.get('/total'))).toMatchObject({ total: '2.1', count: 1 });
    expect(await accumulate.get('/')).toContain('<title>Tally</title>');
    expect(await accumulate.get('/page/main.js')).toContain('follow(');
    for (const part of [add, accumulate]) expect(await part.get('/metrics')).toContain('process_cpu_seconds');
    expect(await Promise.all([add, log, accumulate].map((part) => part.stop()))).toEqual([0, 0, 0]);

    // As with `kubectl exec`.
    const verified = spawnSync(node, ['functions/accumulate/verify.ts', '--data-dir', volume], {
      ...user,
      cwd: tree,
      env: environment,
      encoding: 'utf8',
    });
    expect(verified).toMatchObject({ status: 0, stderr: '' });
    expect(verified.stdout).toContain('1 events, 1 totals');
    const letters = spawnSync(node, ['dead-letters/main.ts', 'list', '--log', logVolume], {
      ...user,
      cwd: tree,
      env: environment,
      encoding: 'utf8',
    });
    expect(letters).toMatchObject({ status: 0, stdout: '', stderr: 'no open dead letters\n' });
    const audited = spawnSync(
      node,
      ['audit/main.ts', '--data-dir', volume, '--log', logVolume, '--temp-dir', volume],
      { ...user, cwd: tree, env: environment, encoding: 'utf8' },
    );
    expect(audited).toMatchObject({ status: 0, stderr: '' });
    expect(audited.stdout).toContain('ids: 1 counted as recorded, 0 in the dead letters alone, 0 in flight');
  });

  test('reflection and health are loaded when they are asked for', async () => {
    const { address } = await start('add', { K_SINK: 'http://127.0.0.1:9' });
    const client = new Client(address, credentials.createInsecure());
    closeAfterTest(() => {
      client.close();
      return Promise.resolve();
    });
    const bytes = (value: Buffer) => value;
    const health = new Promise((resolve, reject) => {
      const path = '/grpc.health.v1.Health/Check';
      client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
    // Field 1, status: SERVING.
    await expect(health).resolves.toEqual(Buffer.from('0801', 'hex'));
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const reflection = client.makeBidiStreamRequest(path, bytes, bytes);
    // Field 7, list_services: "*".
    reflection.end(Buffer.from('3a012a', 'hex'));
    const answers = (await Array.fromAsync(reflection)) as Buffer[];
    expect(answers.map(String)).toEqual([expect.stringContaining('tally.v1.Adder')]);
  });

  test('the log is the bridge to Kafka where there are brokers', async () => {
    const brokers = '127.0.0.1:9';
    const { output } = startPart('log', { KAFKA_BROKERS: brokers, SUBSCRIBER: 'http://127.0.0.1:9' });
    await until('it looks for the broker', () => output().includes(`ECONNREFUSED ${brokers}`));
  });
});
