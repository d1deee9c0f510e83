// Runs the README's commands as they stand there, ports aside, in a directory with the files that they name.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeEach, describe, expect, test } from '@jest/globals';

import { startLocalSystem } from './local-system.ts';
import { commandsIn } from './markdown.ts';
import { makeTempDir } from './temp-dir.ts';
import { closeAfterTest } from './test-log.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

const commands = commandsIn(readme);
const hasGrpcurl = spawnSync('grpcurl', ['-version']).error === undefined;

/** What each prints; those of the whole system are run against one. */
const printed: readonly [start: string, output: RegExp][] = [
  ['grpcurl -plaintext -d', /"sum": ?"2\.1"/],
  ['bin/tally add', /^2\.1$/m],
  ['printf', /^$/],
  ['bin/tally import', /rows read +3[^]*total +24\.85/],
  ['bin/tally total', /24\.85/],
  ['bin/tally status', /\b2\.1\b/],
  ['bin/tally verify', /all as it should be/],
  ['bin/tally audit', /: equal$/m],
  ['bin/tally dead-letters list', /no open dead letters/],
  ['bin/tally backup', /is in .*backup: \d+ events/],
  ['curl localhost:8081/totals', /"total":"24\.85"/],
  ['curl -i localhost:8081', /HTTP\/1\.1 204 No Content[^]*tally-outcome: applied/],
  ['curl -i localhost:8082/default/sums', /HTTP\/1\.1 202 Accepted/],
];
const alone = /^FUNCTION=\w+ PORT=\d+ .*npm start$/;
/** What has brought this test here, or what other tests run on their own: test/kafka, test/manifests, e2e. */
const elsewhere = [
  ...['npm ci', 'npm start', 'npm test', 'npm run monitoring', 'KAFKA_BROKERS=localhost:9092 npm'],
  ...['kubectl apply -k .', 'kubectl patch configmap config-features '],
];
/** They need a container engine or a program that cannot be had by name; image/image.test.ts makes the image's tree. */
const untried = ['kn func ', 'docker build -t registry.example.com/tally:1.0 .'];

test('every command of the README is known here', () => {
  const known = (command: string): boolean =>
    [...elsewhere, ...untried].some((start) => command.startsWith(start)) ||
    alone.test(command) ||
    printed.some(([start]) => command.startsWith(start));
  expect(commands.filter((command) => !known(command))).toEqual([]);
  for (const [start] of printed) expect(readme).toContain(start);
});

describe('against npm start', () => {
  let env: Record<string, string>;
  let directory: string;

  beforeEach(async () => {
    directory = makeTempDir();
    const system = startLocalSystem({ DATA_DIR: join(directory, 'data'), LOG_LEVEL: 'error' });
    const parts = ['add', 'accumulate', 'log'] as const;
    const addresses = await Promise.all(parts.map((part) => system.part(part)));
    const [add = '', accumulate = '', log = ''] = addresses.map(({ address }) => address.split(':')[1]);
    env = { PATH: process.env['PATH'] ?? '', ADD_PORT: add, ACCUMULATE_PORT: accumulate, LOG_PORT: log };
    mkdirSync(join(directory, 'bin'));
    symlinkSync(join(root, 'bin', 'tally'), join(directory, 'bin', 'tally'));
  });

  test(`its commands print what it says${hasGrpcurl ? '' : ' (grpcurl is not installed: bin/tally in its place)'}`, async () => {
    for (const command of commands) {
      const expected = printed.find(([start]) => command.startsWith(start))?.[1];
      if (expected === undefined) continue;
      const text = (hasGrpcurl ? command : withoutGrpcurl(command))
        .replaceAll('localhost:8080', `127.0.0.1:${env['ADD_PORT'] ?? ''}`)
        .replaceAll('localhost:8081', `127.0.0.1:${env['ACCUMULATE_PORT'] ?? ''}`)
        .replaceAll('localhost:8082', `127.0.0.1:${env['LOG_PORT'] ?? ''}`);
      expect(await run(text)).toMatch(expected);
    }
  });

  /** Gives the output; a status that is asked for may still be on its way through the log. */
  function run(command: string): Promise<string> {
    return until(`"${command}" succeeds`, () => {
      const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
        cwd: directory,
        env,
        encoding: 'utf8',
      });
      return status === 0 && stdout + stderr;
    });
  }
});

/** The same request by our own client: what follows in the README asks for its id. */
function withoutGrpcurl(command: string): string {
  const id = /^grpcurl .*"requestId":"([^"]+)"/.exec(command)?.[1];
  return id === undefined ? command : `bin/tally add 2 0.1 --id ${id} --json`;
}

test('one function alone is up when its readiness answers 200', async () => {
  const directory = makeTempDir();
  const found = commands.filter((command) => alone.test(command));
  expect(found).toHaveLength(3);
  for (const command of found) {
    // Other ports, so that a system that runs on the usual ones is not in the way.
    const moved = command
      .replaceAll(/\b808\d\b/g, (port) => String(Number(port) + 20_000))
      .replace('./data', directory);
    const child = spawn('sh', ['-c', moved], {
      cwd: root,
      env: { PATH: process.env['PATH'], HOST: '127.0.0.1', LOG_LEVEL: 'error' },
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    closeAfterTest(async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // The shell, npm and what it started are one process group.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
      await ended;
    });
    const port = /PORT=(\d+)/.exec(moved)?.[1] ?? '';
    await until(`${moved} is ready`, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/health/readiness`).catch(() => undefined);
      return response?.status === 200;
    });
  }
});
