import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

import { makeTempDir } from './test/temp-dir.ts';
import { closeAfterTest } from './test/test-log.ts';

const entry = fileURLToPath(new URL('start.js', import.meta.url));

function run(env: Readonly<Record<string, string>>, { flags = [] as string[], args = [] as string[] } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, entry, ...args], {
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

test('an older Node is told where to find the one that is needed', () => {
  const older = "Object.defineProperty(process, 'versions', { value: { node: '22.1.0' } })";
  const { status, output } = run({}, { flags: ['--import', `data:text/javascript,${older}`] });
  expect(status).toBe(1);
  expect(output).toContain('this is Node 22.1.0; "npm start" and "npx node start.js" run Node 24');
});

test('an argument is refused with where the settings are, which --help says too', () => {
  const refused = run({}, { args: ['--port=1'] });
  expect(refused.status).toBe(64);
  expect(refused.output).toMatch(/unknown argument "--port=1"\n\nUsage: npm start[^]*environment variables/);
  const asked = run({}, { args: ['--help'] });
  expect(asked.status).toBe(0);
  expect(asked.output).toContain('docs/configuration.md');
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
