import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { symlink, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runTally, startTally, tallyPath, until } from '../testing/command.ts';
import { FakeAccumulate } from '../testing/fake-accumulate.ts';
import { FakeAdder, statusOf } from '../testing/fake-adder.ts';

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
    const { code, stdout, stderr } = await runTally(['add', '2', '3', '--wait', '100ms'], env);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '5\n' });
    expect(stderr).toMatch(
      /acknowledged, but not counted within 0.1 s[^]*tally status [0-9a-f-]{36} --wait 1m/,
    );
  });

  test('finds out with --wait that the id was counted with other operands long ago (I6)', async () => {
    const requestId = randomUUID();
    accumulate.count([{ requestId, a: '2', b: '2', total: 'default' }]);
    const { code, stderr } = await runTally(['add', '2', '3', '--id', requestId, '--wait'], env);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: `not counted: ${requestId} was counted earlier with other operands: 4 in default\n`,
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
    const settle = `tally add -2 3 --id ${id} --total votes --add ${adder.address}`;
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
    [
      'no server',
      ['add', '1', '2', '--timeout', '200ms', '--add', 'localhost:1'],
      6,
      'no connection to localhost:1',
    ],
  ])('ends with its own code for %s', async (_, args, code, message) => {
    const ended = await runTally(args, env);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(message);
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

describe('bin/tally', () => {
  test('works through a symlink from another directory', async () => {
    const link = join(await mkdtemp(join(tmpdir(), 'tally-')), 'tally');
    await symlink(tallyPath, link);
    expect(await startTally(['--help'], {}, link).ended).toMatchObject({ code: 0 });
  });

  test('documents its exit codes', async () => {
    const { stdout } = await runTally(['add', '--help']);
    expect(stdout).toContain('4  the outcome is unknown');
  });
});
