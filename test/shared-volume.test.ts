// Two accumulate processes on one volume, as when a rollout overlaps or several replicas run on one node.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from '@jest/globals';
import { Pool } from 'undici';

import { verifyDirectory } from '../functions/accumulate/ledger/fixtures.ts';
import { PartProcess } from './part-process.ts';
import { sumEvent } from './sum-event.ts';
import { makeTempDir } from './temp-dir.ts';
import { closeAfterTest, getPage } from './test-log.ts';

const kills = 8;
const clients = 16;

test('I2, I4, I5: exact under load on both, while one is killed and started again', async () => {
  const directory = makeTempDir();
  // Small generations, so that they are sealed and begun by one process under the other.
  const env = { DATA_DIR: directory, GENERATION_MAX_EVENTS: '1000' };
  const steady = await new PartProcess('accumulate', env).start();
  const killed = await new PartProcess('accumulate', env).start();
  let stopping = false;
  const counted = new Set<string>();
  const posts = { total: 0, unknown: 0 };
  const load = Array.from({ length: clients }, async (_, client) => {
    const post = createPost([steady.url, killed.url]);
    for (let n = client; !stopping; n++) {
      // Every fourth event is posted to both at one time.
      const event = sumEvent(randomUUID(), '0.01');
      const targets = n % 4 === 0 ? [0, 1] : [n % 2];
      await Promise.all(
        targets.map(async (target) => {
          for (;;) {
            posts.total++;
            if (await post(target, event)) return;
            posts.unknown++;
            await delay(20);
          }
        }),
      );
      counted.add(event.headers['ce-id'] ?? '');
      // Whichever replica is asked includes it.
      const id = event.headers['ce-id'] ?? '';
      expect(await getPage(steady.url, `/requests/${id}`)).toMatchObject({ id });
    }
  });
  for (let n = 0; n < kills; n++) {
    await delay(50 + n * 25);
    await killed.kill();
    await killed.start();
  }
  stopping = true;
  await Promise.all(load);
  const cents = counted.size;
  const expected = { count: cents, total: String(cents / 100) };
  expect(await getPage(steady.url, '/total')).toMatchObject(expected);
  expect(await getPage(killed.url, '/total')).toMatchObject(expected);
  expect(await steady.stop()).toBe(0);
  expect(await killed.stop()).toBe(0);
  expect(verifyDirectory(directory)).toEqual([]);
  expect(posts.unknown).toBeGreaterThan(0);
});

/** Posts an event once; gives whether it is known to be counted. */
function createPost(urls: readonly string[]) {
  const pools = urls.map((url) => new Pool(url, { connections: 2 }));
  closeAfterTest(async () => {
    for (const pool of pools) await pool.destroy();
  });
  return async (target: number | undefined, event: ReturnType<typeof sumEvent>): Promise<boolean> => {
    try {
      const { statusCode, body } =
        (await pools[target ?? 0]?.request({ path: '/', method: 'POST', ...event })) ?? {};
      await body?.dump();
      return statusCode === 204;
    } catch {
      return false;
    }
  };
}
