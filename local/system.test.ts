import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from '@jest/globals';

import { createLog } from '../lib/log.ts';
import { isAlive } from '../test/local-system.ts';
import { makeTempDir } from '../test/temp-dir.ts';
import { closeAfterTest } from '../test/test-log.ts';
import { until } from '../test/until.ts';
import { startSystem } from './system.ts';

const entry = fileURLToPath(new URL('../test/stand-in-part.ts', import.meta.url));

async function startStandIns(directory: string) {
  const failures: Error[] = [];
  const system = await startSystem({
    config: {
      ports: { add: 0, accumulate: 0, log: 0 },
      hosts: { add: '127.0.0.1', accumulate: '127.0.0.1', log: '127.0.0.1' },
      dataDir: directory,
      kafka: undefined,
    },
    env: { PATH: process.env['PATH'], STAND_IN_DIR: directory },
    entry,
    log: await createLog('local', 'silent'),
    onFailure: (error) => failures.push(error),
  });
  closeAfterTest(() => system.drain());
  return { ...system, failures };
}

describe.each(['add', 'accumulate', 'log'])('when %s', (name) => {
  test.each([78, 1])(
    'cannot start and ends with %d, the system does not start and leaves nothing',
    async (code) => {
      const directory = makeTempDir();
      writeFileSync(join(directory, name), String(code));
      await expect(startStandIns(directory)).rejects.toMatchObject({ name: 'PartFailed', exitCode: code });
    },
  );
});

test('a part that is killed is started again on its port', async () => {
  const { log, failures } = await startStandIns(makeTempDir());
  const { pid, port } = log;
  process.kill(pid ?? 0, 'SIGKILL');
  await until('it is up again', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return response?.ok;
  });
  expect(log.pid).not.toBe(pid);
  expect(log.port).toBe(port);
  expect(failures).toEqual([]);
});

test('a part that keeps failing is started until it comes up', async () => {
  const directory = makeTempDir();
  const { add, failures } = await startStandIns(directory);
  writeFileSync(join(directory, 'add'), '1');
  const pids = new Set([add.pid]);
  process.kill(add.pid ?? 0, 'SIGKILL');
  await until('it was started three times', () => pids.add(add.pid).size === 4);
  expect(failures).toEqual([]);
});

test('a part whose configuration became wrong is not started again', async () => {
  const directory = makeTempDir();
  const { accumulate, failures } = await startStandIns(directory);
  writeFileSync(join(directory, 'accumulate'), '78');
  process.kill(accumulate.pid ?? 0, 'SIGKILL');
  await until('the failure is reported', () => failures.length > 0);
  expect(failures).toMatchObject([{ name: 'PartFailed', exitCode: 78 }]);
});

test('a drain ends every part, one that is just being started again too', async () => {
  const system = await startStandIns(makeTempDir());
  const { add, accumulate, log } = system;
  const pids = [add.pid ?? 0, accumulate.pid ?? 0, log.pid ?? 0];
  process.kill(log.pid ?? 0, 'SIGKILL');
  await until('it is dead', () => !isAlive(pids[2] ?? 0));
  await system.drain();
  expect([...pids, log.pid ?? 0].filter(isAlive)).toEqual([]);
});
