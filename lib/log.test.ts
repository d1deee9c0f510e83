import { expect, test } from '@jest/globals';

import { Child } from '../test/child.ts';

test('in a pipe, each line is JSON with time, level in words, part and message', async () => {
  const child = new Child('test/lifecycle-process.ts', {});
  const line = await child.logged('running');
  expect(Object.keys(line).sort()).toEqual(['level', 'msg', 'part', 'time']);
  expect(line).toMatchObject({ level: 'info', part: 'test', msg: 'running' });
  expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test.each([
  ['warn', []],
  ['silent', []],
  ['info', ['SIGTERM: draining', 'in flight finished', 'stopped']],
  ['', ['SIGTERM: draining', 'in flight finished', 'stopped']],
])('LOG_LEVEL=%s decides what is said', async (level, said) => {
  const child = new Child('test/lifecycle-process.ts', { LOG_LEVEL: level }, true);
  await new Promise((resolve) => child.process.once('message', resolve));
  child.process.kill('SIGTERM');
  expect(await child.ended).toBe(0);
  expect(child.lines.map(({ msg }) => msg).filter((msg) => msg !== 'running')).toEqual(said);
});

test('a level that does not exist is info, so that the configuration can report it', async () => {
  const child = new Child('test/lifecycle-process.ts', { LOG_LEVEL: 'loud' });
  expect(await child.logged('running')).toMatchObject({ level: 'info' });
});
