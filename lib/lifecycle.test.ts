import { describe, expect, test } from '@jest/globals';

import { Child } from '../test/child.ts';
import { until } from '../test/until.ts';

function run(behaviour: string, env: Readonly<Record<string, string>> = {}, ipc = false): Child {
  return new Child('test/lifecycle-process.ts', { BEHAVIOUR: behaviour, ...env }, ipc);
}

describe('start', () => {
  test('a wrong configuration ends with 78 and names everything that is wrong, in one line', async () => {
    const child = run('wrong-configuration', { PORT: 'http', K_SINK: 'broker' });
    expect(await child.ended).toBe(78);
    expect(child.errors).toBe('');
    expect(child.lines).toEqual([
      expect.objectContaining({
        level: 'fatal',
        part: 'test',
        msg:
          'cannot start: configuration:\n' +
          '  PORT was "http", should be a whole number from 0 to 65535\n' +
          '  K_SINK was "broker", should be an http:// or https:// address',
      }),
    ]);
  });

  test('any other failure to start ends with 1 and says why', async () => {
    const child = run('start-fails');
    expect(await child.ended).toBe(1);
    expect(child.lines).toEqual([
      expect.objectContaining({ level: 'fatal', msg: 'cannot start: volume gone' }),
    ]);
  });

  test('a child of the local system tells its parent where it listens', async () => {
    const child = run('ok', {}, true);
    const messages: unknown[] = [];
    child.process.on('message', (message) => messages.push(message));
    await until('message', () => messages.length > 0);
    expect(messages).toEqual([{ listening: 4711 }]);
  });
});

describe('end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s drains, then ends with 0', async (signal) => {
    const child = run('ok');
    await child.logged('running');
    child.process.kill(signal);
    expect(await child.ended).toBe(0);
    expect(child.lines.map(({ msg }) => msg)).toEqual([
      'running',
      `${signal}: draining`,
      'in flight finished',
      'stopped',
    ]);
  });

  test('a second signal ends at once', async () => {
    const child = run('drain-hangs');
    await child.logged('running');
    child.process.kill('SIGTERM');
    await child.logged('SIGTERM: draining');
    child.process.kill('SIGINT');
    expect(await child.ended).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({
      level: 'warn',
      msg: 'SIGINT while stopping: ending at once',
    });
  });

  test('the same signal twice at once, as under npm, is one signal; later it is a second one', async () => {
    const child = run('drain-hangs');
    await child.logged('running');
    child.process.kill('SIGINT');
    await child.logged('SIGINT: draining');
    child.process.kill('SIGINT');
    expect(child.process.exitCode).toBeNull();
    await until('it is taken for a second one', () => {
      child.process.kill('SIGINT');
      return child.output.includes('SIGINT while stopping');
    });
    expect(await child.ended).toBe(1);
    expect(Date.parse(String(child.lines.at(-1)?.['time']))).toBeGreaterThanOrEqual(
      Date.parse(String(child.lines.at(-2)?.['time'])) + 250,
    );
  });

  test('a drain that takes too long is ended with 1', async () => {
    const child = run('drain-hangs', { DRAIN_MS: '50' });
    await child.logged('running');
    child.process.kill('SIGTERM');
    expect(await child.ended).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({ level: 'error', msg: 'not drained within 50 ms: ending' });
  });

  test('a drain that fails ends with 1 and says why', async () => {
    const child = run('drain-fails');
    await child.logged('running');
    child.process.kill('SIGTERM');
    expect(await child.ended).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({ msg: 'drain failed', err: { message: 'disk gone' } });
  });

  test('a child drains when its parent is gone', async () => {
    const child = run('ok', {}, true);
    await child.logged('running');
    child.process.disconnect();
    expect(await child.ended).toBe(0);
    expect(child.lines.map(({ msg }) => msg)).toContain('parent ended: draining');
  });

  test('a parent that asks a child to stop and then goes does not cut the drain short', async () => {
    const child = run('drain-hangs', { DRAIN_MS: '200' }, true);
    await child.logged('running');
    child.process.kill('SIGTERM');
    await child.logged('SIGTERM: draining');
    child.process.disconnect();
    expect(await child.ended).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({ msg: 'not drained within 200 ms: ending' });
  });

  test.each([
    ['an error that nobody caught', 'throws-later', 'a bug'],
    ['a rejection that nobody handled', 'rejects-later', 'a forgotten promise'],
  ])('%s ends with 1 and is logged with where it came from', async (_, behaviour, message) => {
    const child = run(behaviour);
    expect(await child.ended).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({
      level: 'fatal',
      msg: 'uncaught error',
      err: { message, stack: expect.stringContaining('lifecycle-process.ts') },
    });
  });
});
