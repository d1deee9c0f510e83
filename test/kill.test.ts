// Real processes, killed at random moments under load, all of them, again and again. KILLS sets how often (200);
// KILL_SEED repeats a run's choices, though not its timing.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from '@jest/globals';

import { verifyDirectory } from '../functions/accumulate/ledger/fixtures.ts';
import { Reader } from '../functions/accumulate/ledger/reader.ts';
import { defaultTotal } from '../lib/names.ts';
import type { LogStatus } from '../local/log/status.ts';
import { createAdder, isOk } from './adder-client.ts';
import { CountingProxy } from './counting-proxy.ts';
import { PartProcess } from './part-process.ts';
import { createRandom } from './random.ts';
import { makeTempDir } from './temp-dir.ts';
import { getPage } from './test-log.ts';
import { until } from './until.ts';

const kills = Number(process.env['KILLS'] ?? 200);
const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const workers = 24;
const longestPauseMs = 800;

test(
  `I1, I2, I3, I5, I7: the total is exact after ${kills} kills of every part under load (seed ${seed})`,
  async () => {
    const random = createRandom(seed);
    const next = (below: number): number => Math.floor(random() * below);
    const directory = makeTempDir();
    const retries = { DELIVERY_RETRIES: '20', DELIVERY_BACKOFF: '1ms', DELIVERY_TIMEOUT: '5s' };

    const accumulate = await new PartProcess('accumulate', { DATA_DIR: directory }).start();
    const proxy = await new CountingProxy().start(() => accumulate.url);
    const log = await new PartProcess('log', {
      DATA_DIR: directory,
      SUBSCRIBER: proxy.url,
      ...retries,
    }).start();
    const sink = { K_SINK: `${log.url}/default/sums`, SINK_ATTEMPT_TIMEOUT: '1s' };
    const adds = [await new PartProcess('add', sink).start(), await new PartProcess('add', sink).start()];
    const adders = adds.map(({ address }) => createAdder(address));
    const parts = [accumulate, log, ...adds];

    let stopping = false;
    let cents = 0n;
    const acknowledged = new Set<string>();
    const tally = { attempts: 0, unknown: 0, repeated: 0 };
    const load = Array.from({ length: workers }, async () => {
      while (!stopping) {
        const amount = next(2_000_000) - 1_000_000;
        const request = { requestId: randomUUID(), a: toText(amount), b: '0.01' };
        // A client that retries until it knows, now through one add function, now through the other.
        for (;;) {
          tally.attempts++;
          const attempt = await adders[next(2)]?.(request);
          if (attempt !== undefined && isOk(attempt)) break;
          tally.unknown++;
          await delay(next(50));
        }
        acknowledged.add(request.requestId);
        cents += BigInt(amount) + 1n;
        // Now and then a caller that lost the answer asks once more.
        if (next(10) === 0) {
          tally.repeated++;
          await adders[next(2)]?.(request);
        }
      }
    });

    const restarts: Promise<unknown>[] = [];
    for (let killed = 0; killed < kills;) {
      await delay(next(longestPauseMs));
      const up = parts.filter(({ isUp }) => isUp);
      const chosen = next(up.length);
      const victims = next(20) === 0 ? up : up.filter((_, index) => index === chosen);
      killed += victims.length;
      restarts.push(...victims.map((part) => part.kill().then(() => part.start())));
    }
    await Promise.all(restarts);
    stopping = true;
    await Promise.all(load);

    const status = await until(
      'everything is delivered',
      async () => {
        const now = await getPage<LogStatus>(log.url, '/status');
        return now.lag === 0 && now;
      },
      120_000,
    );
    expect(await accumulate.stop()).toBe(0);
    const reader = new Reader(directory);
    const total = reader.total(defaultTotal);
    const { duplicates } = reader.status();
    reader.close();

    expect(total).toMatchObject({ total: toText(cents), count: acknowledged.size });
    expect(verifyDirectory(directory)).toEqual([]);
    expect(status.deadLetters).toBe(0);
    // What was stored more often than once came from retries: each was refused as a duplicate, as was each redelivery.
    const storedAgain = status.records - acknowledged.size;
    expect(storedAgain).toBeGreaterThanOrEqual(0);
    expect(duplicates).toBeGreaterThanOrEqual(storedAgain);
    // Every delivery that counted or was refused as a duplicate was answered, or its answer was lost.
    const judged = acknowledged.size + duplicates;
    const answered = proxy.applied + proxy.duplicate;
    expect(judged).toBeGreaterThanOrEqual(answered);
    expect(judged).toBeLessThanOrEqual(answered + proxy.lost);

    process.stdout.write(
      `kills ${kills}, acknowledged ${acknowledged.size}, attempts ${tally.attempts} (${tally.unknown} unknown at ` +
        `first, ${tally.repeated} repeated), stored ${status.records}, duplicates refused ${duplicates}, answers ` +
        `lost ${proxy.lost}, total ${total?.total ?? ''}\n`,
    );
  },
  15 * 60_000,
);

function toText(cents: bigint | number): string {
  const value = BigInt(cents);
  const digits = (value < 0n ? -value : value).toString().padStart(3, '0');
  const text = `${digits.slice(0, -2)}.${digits.slice(-2)}`.replace(/\.?0+$/, '');
  return `${value < 0n ? '-' : ''}${text === '' ? '0' : text}`;
}
