// Runs k6's scripts as the table of k6/README.md says, for some seconds, against the local system.

import { expect, test } from '@jest/globals';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { adderService } from '../functions/add/proto.ts';
import type { AdderHandlers } from '../proto/generated/tally/v1/Adder.ts';
import { Child } from './child.ts';
import { exit, root, runK6, runner, type Started, startProxy, startSystem } from './k6-run.ts';
import { cert, key } from './oidc-tls.ts';
import { makeTempDir } from './temp-dir.ts';
import { closeAfterTest } from './test-log.ts';

const readme = readFileSync(join(root, 'k6', 'README.md'), 'utf8');

const commands = [...readme.matchAll(/`(k6 run k6\/([\w-]+)\.js[^`]*)`/g)].map(
  ([, command = '', script = '']) => ({
    script,
    args: command.split(' ').slice(1),
  }),
);

/** Another process of add, which sends to the same log. */
async function startAnotherAdd({ log }: Started): Promise<string> {
  const K_SINK = `http://${log}/default/sums`;
  const child = new Child('start.js', { FUNCTION: 'add', PORT: '0', HOST: '127.0.0.1', K_SINK });
  const { msg } = await child.logged('listening on');
  return `127.0.0.1:${/listening on (\d+)/.exec(msg)?.[1] ?? ''}`;
}

test('the README has a command for each script, and no other', () => {
  const scripts = readdirSync(join(root, 'k6')).filter((name) => name.endsWith('.js'));
  expect(commands.map(({ script }) => `${script}.js`).sort()).toEqual(scripts.sort());
});

test('every setting of the README is one that a script reads', () => {
  const files = ['', 'lib'].flatMap((folder) =>
    readdirSync(join(root, 'k6', folder))
      .filter((name) => name.endsWith('.js'))
      .map((name) => readFileSync(join(root, 'k6', folder, name), 'utf8')),
  );
  const read = new Set(
    files.flatMap((file) => [...file.matchAll(/['.]([A-Z][A-Z0-9_]+)\b/g)].map(([, name]) => name)),
  );
  const named = [...readme.matchAll(/`([A-Z][A-Z0-9_]+)(?:=[^`]*)?`/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !read.has(name))).toEqual([]);
});

test(`every command of the README passes and leaves a report (I1, I2, I3; ${runner})`, async () => {
  const system = await startSystem();
  const parts = [system.add, system.accumulate, system.log];
  const another = [await startAnotherAdd(system), await startAnotherAdd(system)];
  for (const { script, args } of commands) {
    const { code, output, report } = await runK6(args, {
      ADD: script === 'scale-to-n' ? [system.add, ...another].join(',') : system.add,
      ACCUMULATE: `http://${system.accumulate}`,
      METRICS: parts.map((part) => `http://${part}/metrics`).join(','),
      // Bounds on times are not what is tested here, and there are more users than iterations: none can be dropped.
      ...{
        DURATION: '3s',
        RATE: '10',
        USERS: '4',
        ITEMS: '100',
        RAMP: '2s',
        SHORT_DEADLINE: '1ms',
        COPIES: '9',
      },
      ...(['add', 'soak'].includes(script) && { USERS: '50' }),
      ...{ P99_MS: '60000', MAX_LAG_MS: '60000', MAX_GROWTH_MB: '2000' },
    });
    expect({ script, code, output }).toEqual({ script, code: exit.ok, output: expect.any(String) });
    expect(report()).toContain('<strong>Passed</strong>: every threshold is met');
    expect(report()).not.toMatch(/https?:\/\/(?!127\.0\.0\.1|localhost)|<script|<link|<img/);
  }
}, 300_000);

test('what is in a total before a run is no fault of the run', async () => {
  const system = await startSystem();
  const settings = { ACCUMULATE: `http://${system.accumulate}`, TOTAL: 'mine', DURATION: '1s', USERS: '2' };
  const run = () => runK6(['run', 'k6/accumulate.js'], settings);
  expect([await run(), await run()]).toMatchObject([{ code: exit.ok }, { code: exit.ok }]);
}, 120_000);

test('TLS, its authority and tokens reach the servers', async () => {
  const seen = new Set<unknown>();
  const handlers: AdderHandlers = {
    Add(call, callback) {
      seen.add(call.metadata.get('authorization')[0]);
      callback(null, { requestId: call.request.requestId, sum: '0', replayed: false });
    },
    AddAll(call) {
      call.end();
    },
  };
  const server = new Server();
  server.addService(adderService, handlers);
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [pair]), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  closeAfterTest(() => {
    server.forceShutdown();
    return Promise.resolve();
  });
  const CA = join(makeTempDir(), 'ca.pem');
  writeFileSync(CA, cert);
  const short = { RATE: '5', DURATION: '1s', USERS: '5', P99_MS: '60000' };
  const add = await runK6(['run', 'k6/add.js'], {
    ...{ ...short, ADD: `127.0.0.1:${port}`, TLS: 'yes', CA, TOKEN: 'for-add' },
  });
  expect(add).toMatchObject({ code: exit.ok });

  const { accumulate } = await startSystem();
  const proxy = await startProxy(accumulate, ({ method, headers }) => {
    if (method === 'POST') seen.add(headers.authorization);
    return Promise.resolve(false);
  });
  const events = await runK6(['run', 'k6/accumulate.js'], {
    ...{ ...short, ACCUMULATE: proxy, ACCUMULATE_TOKEN: 'for-accumulate' },
  });
  expect(events).toMatchObject({ code: exit.ok });
  expect([...seen]).toEqual(['Bearer for-add', 'Bearer for-accumulate']);
  expect(add.report() + events.report()).not.toMatch(/for-add|for-accumulate/);
}, 120_000);

test('wrong settings end a script before it has sent anything, each of them named', async () => {
  const { code, output } = await runK6(['run', 'k6/add.js'], {
    ...{ ADD: 'nowhere', RATE: '0', DURATION: '5', TLS: 'maybe', TOTAL: 'No' },
  });
  expect({ code, output }).toEqual({ code: exit.script, output: expect.any(String) });
  for (const name of ['ADD', 'RATE', 'DURATION', 'TLS', 'TOTAL']) expect(output).toContain(`${name} was "`);
});
