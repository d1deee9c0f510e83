import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

const entry = fileURLToPath(new URL('start.js', import.meta.url));

function run(env: Readonly<Record<string, string>>) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry], {
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

test.each(['FUNCTION', 'K_SERVICE'])('an unknown %s is refused with the choices', (variable) => {
  const { status, output } = run({ [variable]: 'adder' });
  expect(status).toBe(78);
  expect(output).toContain(`${variable} was "adder", should be one of add, accumulate, log`);
});

test('FUNCTION goes before K_SERVICE, and empty means unset', () => {
  expect(run({ FUNCTION: 'log', K_SERVICE: 'add', PORT: 'x' }).output).toContain('"part":"log"');
  expect(run({ FUNCTION: '', K_SERVICE: 'log', PORT: 'x' }).output).toContain('"part":"log"');
});

test('neither means the local system', () => {
  const { status, output } = run({ ADD_PORT: 'x' });
  expect(status).toBe(78);
  expect(output).toContain('"part":"local"');
});

test('a compile cache that cannot be written is done without', () => {
  const { status, output } = run({ FUNCTION: 'log', PORT: 'x', NODE_COMPILE_CACHE: '/dev/null/cache' });
  expect(status).toBe(78);
  expect(output).toContain('PORT was');
});
