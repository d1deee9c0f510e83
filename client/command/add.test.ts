import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { runTally, startTally, tallyPath, until } from '../testing/command.ts';
import { FakeAccumulate } from '../testing/fake-accumulate.ts';
import { FakeAdder, statusOf } from '../testing/fake-adder.ts';
import { runAdd } from './add.ts';
import { createContext } from './context.ts';

let adder: FakeAdder;
let accumulate: FakeAccumulate;
let env: Record<string, string>;

beforeAll(async () => {
  adder = await new FakeAdder().start();
  accumulate = await new FakeAccumulate().start();
  env = { TALLY_ADD: adder.address, TALLY_URL: accumulate.url };
});

beforeEach(() => {
  adder.behave = () => 'answer';
});

afterAll(async () => {
  adder.stop();
  await accumulate.stop();
});

describe('tally add', () => {
  test('prints the sum', async () => {
    expect(await runTally(['add', '-0.10', '0.5', '--total', 'votes'], env)).toEqual({
      code: 0,
      stdout: '0.4\n',
      stderr: '',
    });
  });

  test('prints one document with --json, with the id that it made', async () => {
    const { code, stdout } = await runTally(['add', '2', '3', '--json'], env);
    const requestId = adder.received.at(-1)?.requestId;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ requestId, sum: '5', replayed: false });
  });

  test('with --wait returns when it is counted', async () => {
    const requestId = randomUUID();
    const { ended } = startTally(['add', '2', '3', '--id', requestId, '--wait', '--json'], env);
    await until(() => accumulate.requests.some((target) => target.includes(requestId)));
    accumulate.count(adder.recorded.values());
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ requestId, sum: '5', counted: true });
  });

  test('says so when it is acknowledged and not counted in time', async () => {
    const place = ['--url', accumulate.url, '--authority', 'sums.example'];
    const args = ['add', '2', '3', '--wait', '100ms', ...place];
    const { code, stdout, stderr } = await runTally(args, env);
    const id = adder.received.at(-1)?.requestId ?? '';
    expect({ code, stdout }).toEqual({ code: 5, stdout: '5\n' });
    expect(stderr.split('\n')).toEqual([
      'acknowledged: it is in the log; not counted within 0.1 s',
      // Without what is said of add alone.
      `To look again: ${tallyPath} status ${id} --wait 1m --url ${accumulate.url}`,
      expect.stringContaining(
        `(${tallyPath} dead-letters list); add sends the same id to the log again only after its CACHE_AGE (10 min`,
      ),
      '',
    ]);
  });

  test.each([
    ['another sum', '2', '2'],
    ['the same sum', '3', '2'],
  ])('finds out with --wait that the id was counted with other operands of %s (I6)', async (_, a, b) => {
    const requestId = randomUUID();
    accumulate.count([{ requestId, a, b, total: 'default' }]);
    const { code, stderr } = await runTally(['add', '2', '3', '--id', requestId, '--wait'], env);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: `not counted: ${requestId} was counted earlier with other operands: ${a} + ${b} in default\n`,
    });
  });

  test('prints the command that settles an unknown outcome, and that command does (I7)', async () => {
    adder.behave = () => 'ignore';
    const { code, stderr } = await runTally(
      ['add', '-2', '3', '--total', 'votes', '--timeout', '300ms', '--add', adder.address],
      env,
    );
    const id = adder.received.at(-1)?.requestId ?? '';
    expect(code).toBe(4);
    const settle = `${tallyPath} add -2 3 --id ${id} --total votes --add ${adder.address}`;
    expect(stderr).toContain(`\n  ${settle}\n`);
    adder.behave = () => 'answer';
    expect(await runTally(settle.split(' ').slice(1), env)).toMatchObject({ code: 0, stdout: '1\n' });
    expect(adder.recorded.get(id)).toMatchObject({ a: '-2', b: '3', total: 'votes' });
  });

  test('interrupted, says that the outcome is unknown (I7)', async () => {
    adder.behave = () => 'ignore';
    const requestId = randomUUID();
    const child = startTally(['add', '2', '3', '--id', requestId, '--json'], env);
    await until(() => adder.received.at(-1)?.requestId === requestId);
    child.process.kill('SIGINT');
    const { code, stdout } = await child.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ error: { outcomeUnknown: true, requestId } });
  });

  test.each([
    ['a bad operand', ['add', '1e3', '3'], 3, 'not counted: a must be a decimal'],
    ['a missing operand', ['add', '1'], 2, "missing required argument 'b'"],
    ['a bad duration', ['add', '1', '2', '--wait', '10'], 2, 'It must be a duration'],
    ['--wait in front', ['add', '--wait', '1', '2'], 2, 'put the option last'],
    ['an unknown command', ['watch', '--help'], 2, "unknown command 'watch'"],
    ['no time at all', ['add', '1', '2', '--timeout', '0s'], 2, 'It must be a duration'],
    ['an empty total', ['add', '1', '2', '--total', ''], 2, 'It must not be empty'],
    ['a port that is none', ['add', '1', '2', '--add', 'localhost:65536'], 2, 'It must be HOST:PORT'],
    [
      'no server',
      ['add', '1', '2', '--timeout', '200ms', '--add', 'localhost:1'],
      6,
      'no connection to localhost:1: connect ECONNREFUSED',
    ],
    [
      'a name that nobody has',
      ['add', '1', '2', '--timeout', '3s', '--add', 'nowhere.invalid:8080'],
      6,
      'name not found: nowhere.invalid:8080',
    ],
  ])('ends with its own code for %s', async (_, args, code, message) => {
    const ended = await runTally(args, env);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(message);
  });

  test('does not say of an id that another addition has whether this one is counted, but where to ask (I7)', async () => {
    adder.behave = () => statusOf(status.ALREADY_EXISTS, 'known with other operands');
    const requestId = randomUUID();
    const { code, stderr } = await runTally(['add', '1', '2', '--id', requestId], env);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^refused: known with other operands\n.*tally status /);
    expect(stderr).toContain(requestId);
  });

  test('shows what the server refuses', async () => {
    adder.behave = () => statusOf(status.ALREADY_EXISTS, 'known with other operands');
    const { code, stdout } = await runTally(['add', '1', '2', '--json'], env);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'conflict', message: 'known with other operands', outcomeUnknown: false },
    });
  });
});

test('tally add tells a server that does not speak gRPC', async () => {
  const { port, url } = accumulate;
  const place = ['--add', `localhost:${port}`, '--url', url];
  const { code, stderr } = await runTally(['add', '1', '2', '--timeout', '2s', ...place]);
  expect(code).toBe(6);
  expect(stderr).toContain(`not counted: localhost:${port} is not a gRPC server`);
});

test('tally add on a terminal shows the id, and that an answer was a replay', async () => {
  const notes: string[] = [];
  const context = { ...createContext({ add: adder.address }, {}), note: (text: string) => notes.push(text) };
  const id = randomUUID();
  await runAdd(context, '1', '2', { id, timeout: 5_000 });
  await runAdd(context, '1', '2', { id, timeout: 5_000 });
  await context.client.close();
  expect(notes).toEqual([`request ${id}`, `request ${id} (a replay: it was acknowledged before)`]);
});

test('tally add --wait ends soon after its time when accumulate never answers', async () => {
  accumulate.silent = true;
  const startedAt = performance.now();
  const { code, stderr } = await runTally(['add', '1', '2', '--wait', '300ms'], env);
  accumulate.silent = false;
  expect(code).toBe(5);
  expect(stderr).toContain(
    `acknowledged: it is in the log; no word whether it is counted yet: ${accumulate.url} did not answer`,
  );
  expect(performance.now() - startedAt).toBeLessThan(6_000);
});

describe('bin/tally', () => {
  test('works through a symlink from another directory', async () => {
    const link = join(await mkdtemp(join(tmpdir(), 'tally-')), 'tally');
    await symlink(tallyPath, link);
    expect(await startTally(['--help'], {}, link).ended).toMatchObject({ code: 0 });
  });

  test('found on the PATH is named without a path in what to run next', async () => {
    const path = `${dirname(tallyPath)}:${process.env['PATH'] ?? ''}`;
    const ended = startTally(['add', '2', '3', '--wait', '1ms'], { ...env, PATH: path }, 'tally').ended;
    expect((await ended).stderr).toContain('To look again: tally status ');
  });

  test.each([[['help', 'verify']], [['verify', '--help']]])(
    '%j shows the options of verify',
    async (args) => {
      const { code, stdout } = await runTally(args);
      expect(code).toBe(0);
      expect(stdout).toContain('--data-dir');
      expect(stdout).toContain('1 damage was found, 2 wrong usage or no ledger');
    },
  );

  test('has the version of the package', async () => {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(text) as { version: string };
    expect(await runTally(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test('documents its exit codes', async () => {
    const { stdout } = await runTally(['add', '--help']);
    expect(stdout).toContain('4  the outcome is unknown');
  });
});
