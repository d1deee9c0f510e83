import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

import { makeTempDir } from './test/temp-dir.ts';
import { closeAfterTest } from './test/test-log.ts';

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

// Each of these was a tenth of a start or more (docs/adr/0010-start-up.md), and comes back with one import.
test.each(['add', 'accumulate'])('%s starts without what only some calls need', async (part) => {
  const answerLoaded = `
    import Module from 'node:module';
    process.on('message', () => {
      process.send({ loaded: [...process.moduleLoadList, ...Object.keys(Module._cache)] });
    });`;
  const child = fork(entry, {
    env: {
      FUNCTION: part,
      PORT: '0',
      DATA_DIR: makeTempDir(),
      K_SINK: 'http://127.0.0.1:9',
      LOG_LEVEL: 'error',
    },
    execArgv: ['--import', `data:text/javascript,${answerLoaded}`],
  });
  const ended = once(child, 'exit');
  closeAfterTest(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await once(child, 'message');
  child.send('loaded');
  const [{ loaded }] = (await once(child, 'message')) as [{ loaded: string[] }];
  expect(loaded.filter((name) => name.includes('prom-client/lib/counter.js'))).toHaveLength(1);
  const unneeded = /internal\/deps\/undici|opentelemetry|proto-loader|grpc-health-check|ext.descriptor/;
  expect(loaded.filter((name) => unneeded.test(name))).toEqual([]);
});
