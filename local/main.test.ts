import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from '@jest/globals';

import type { ProtoGrpcType } from '../proto/generated/adder.ts';
import { type LocalSystem, isAlive, startLocalSystem } from '../test/local-system.ts';
import { makeTempDir } from '../test/temp-dir.ts';
import { closeAfterTest, getPage } from '../test/test-log.ts';
import { until } from '../test/until.ts';

const proto = fileURLToPath(new URL('../proto/adder.proto', import.meta.url));
const partNames = ['add', 'accumulate', 'log'] as const;

/** An `add` that retries with the same id until it is answered OK. */
function createAdd(address: string): (a: string) => Promise<void> {
  const { tally } = loadPackageDefinition(loadSync(proto, { keepCase: false })) as unknown as ProtoGrpcType;
  const client = new tally.v1.Adder(address, credentials.createInsecure());
  closeAfterTest(() => {
    client.close();
    return Promise.resolve();
  });
  return async (a) => {
    const requestId = crypto.randomUUID();
    await until('the add is answered', async () => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      client.add({ requestId, a, b: '0' }, { deadline: Date.now() + 5_000 }, (error) => {
        resolve(error === null);
      });
      return await promise;
    });
  };
}

async function pidsOf(system: LocalSystem): Promise<number[]> {
  return await Promise.all(partNames.map(async (name) => (await system.part(name)).pid));
}

const allEnded = (pids: readonly number[]) => () => !pids.some(isAlive);

test('npm start adds, survives kill -9 of each part with an exact total, and Ctrl-C ends all in order', async () => {
  const system = startLocalSystem({ DATA_DIR: makeTempDir(), DELIVERY_BACKOFF: '20ms' });
  const add = createAdd((await system.part('add')).address);
  const { address } = await system.part('accumulate');
  const total = async () => await getPage<{ total: string; count: number }>(`http://${address}`, '/total');
  await add('0.1');
  let sent = 1;
  for (const name of partNames) {
    const { pid } = await system.part(name);
    const adding = Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let count = 0; count < 10; count++) await add('0.1');
      }),
    );
    process.kill(pid, 'SIGKILL');
    await until(`${name} is up again`, async () => (await system.part(name)).pid !== pid);
    await adding;
    sent += 80;
  }
  await until('all are counted', async () => {
    const page = await total().catch(() => undefined);
    return page !== undefined && page.count >= sent;
  });
  expect(await total()).toMatchObject({ name: 'default', total: '24.1' });
  const pids = await pidsOf(system);
  process.kill(-(system.child.pid ?? 0), 'SIGINT');
  expect(await system.ended()).toBe(0);
  const stopped = system.output().matchAll(/"part":"(\w+)","msg":"stopped"/g);
  expect([...stopped].map(([, part]) => part)).toEqual(['add', 'log', 'accumulate', 'local']);
  expect(pids.filter(isAlive)).toEqual([]);
});

test('Ctrl-C under npm, which passes the signal on a second time, drains all the same', async () => {
  const system = startLocalSystem({ DATA_DIR: makeTempDir() }, ['npm', 'start']);
  await system.part('add');
  // What a terminal does: the whole group gets it.
  process.kill(-(system.child.pid ?? 0), 'SIGINT');
  await system.ended();
  expect(system.output()).toContain('"part":"local","msg":"stopped"');
  expect(system.output()).not.toContain('while stopping');
});

test('kill -9 of the local system itself leaves nobody behind', async () => {
  const system = startLocalSystem({ DATA_DIR: makeTempDir() });
  const pids = await pidsOf(system);
  system.child.kill('SIGKILL');
  await until('all parts have ended', allEnded(pids));
});

test('a kill -9 while it starts leaves nobody behind', async () => {
  const system = startLocalSystem({ DATA_DIR: makeTempDir() });
  const pid = String(system.child.pid);
  await until('the first part is a process', () => spawnSync('pgrep', ['-P', pid]).status === 0);
  system.child.kill('SIGKILL');
  // Its output ends when nobody holds it any more.
  await system.ended();
  expect(system.output()).not.toContain('Tally is up');
});

test('a second signal ends everything at once', async () => {
  const system = startLocalSystem({ DATA_DIR: makeTempDir() });
  const pids = await pidsOf(system);
  system.child.kill('SIGTERM');
  system.child.kill('SIGINT');
  expect(await system.ended()).toBe(1);
  await until('all parts have ended', allEnded(pids));
});

test('a second start on the same ports or data is refused, and the first is unharmed', async () => {
  const dataDir = makeTempDir();
  const first = startLocalSystem({ DATA_DIR: dataDir });
  const pids = await pidsOf(first);
  const port = new URL(`http://${(await first.part('accumulate')).address}`).port;
  const samePort = startLocalSystem({ DATA_DIR: makeTempDir(), ACCUMULATE_PORT: port });
  expect(await samePort.ended()).toBe(1);
  expect(samePort.output()).toContain(
    `port ${port} is in use: stop the other process or choose another port`,
  );
  const sameData = startLocalSystem({ DATA_DIR: dataDir });
  expect(await sameData.ended()).toBe(1);
  expect(sameData.output()).toMatch(/log\.db is in use by another log process: stop it or choose/);
  expect(pids.every(isAlive)).toBe(true);
  const add = createAdd((await first.part('add')).address);
  await add('1');
});

test("problems of the configuration, the functions' among them, are named at once with exit code 78", async () => {
  const system = startLocalSystem({
    ADD_PORT: '1234',
    LOG_PORT: '1234',
    DELIVERY_RETRIES: 'many',
    HOST: 'x',
    LOCK_WAIT: 'long',
    ADD_TIMEOUT: 'short',
    LOG_LEVEL: 'loud',
  });
  expect(await system.ended()).toBe(78);
  const problems = [
    ...['ADD_PORT, ACCUMULATE_PORT, LOG_PORT were', 'DELIVERY_RETRIES was', 'HOST was'],
    ...['LOCK_WAIT was', 'ADD_TIMEOUT was', 'LOG_LEVEL was'],
  ];
  // Each of them once.
  for (const problem of problems) expect(system.output().split(problem)).toHaveLength(2);
});
