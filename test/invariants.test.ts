// The invariants at the level of the whole path: two add processes, the log and accumulate, as real processes.

import { randomUUID } from 'node:crypto';

import { beforeEach, describe, expect, test } from '@jest/globals';

import type { LogStatus } from '../local/log/status.ts';
import { type Attempt, createAdder, isOk } from './adder-client.ts';
import { PartProcess } from './part-process.ts';
import { makeTempDir } from './temp-dir.ts';
import { getPage } from './test-log.ts';
import { until } from './until.ts';

interface TotalJson {
  readonly total: string;
  readonly count: number;
  readonly version: number;
}

let accumulate: PartProcess;
let log: PartProcess;
let adders: ReturnType<typeof createAdder>[];
let firstAddress: string;

beforeEach(async () => {
  const directory = makeTempDir();
  accumulate = await new PartProcess('accumulate', { DATA_DIR: directory }).start();
  const delivery = { DELIVERY_RETRIES: '20', DELIVERY_BACKOFF: '1ms' };
  log = await new PartProcess('log', {
    DATA_DIR: directory,
    SUBSCRIBER: accumulate.url,
    ...delivery,
  }).start();
  const sink = { K_SINK: `${log.url}/default/sums` };
  const adds = [new PartProcess('add', sink), new PartProcess('add', { ...sink, CACHE_ENTRIES: '1' })];
  for (const add of adds) await add.start();
  const addresses = adds.map(({ address }) => address);
  adders = addresses.map((address) => createAdder(address, 20_000));
  firstAddress = addresses[0] ?? '';
});

async function send(adder: number, request: { requestId: string; a: string; b: string }): Promise<Attempt> {
  const add = adders[adder];
  if (add === undefined) throw new Error(`there is no add function ${adder}`);
  return add(request);
}

async function total(): Promise<TotalJson> {
  return getPage<TotalJson>(accumulate.url, '/total');
}

async function delivered(): Promise<LogStatus> {
  return until('everything is delivered', async () => {
    const status = await getPage<LogStatus>(log.url, '/status');
    return status.records > 0 && status.lag === 0 && status;
  });
}

describe('the whole path', () => {
  test('I2: the same id 1,000 times at once, from two add processes, counts once', async () => {
    const request = { requestId: randomUUID(), a: '0.1', b: '0.2' };
    const attempts = await Promise.all(Array.from({ length: 1_000 }, (_, n) => send(n % 2, request)));
    expect(attempts.filter(isOk).map(({ sum }) => sum)).toEqual(Array<string>(1_000).fill('0.3'));
    await delivered();
    expect(await total()).toMatchObject({ total: '0.3', count: 1 });
  });

  test('I6: an id that comes back with other operands through another add process never changes a total', async () => {
    const requestId = randomUUID();
    expect(await send(0, { requestId, a: '1', b: '1' })).toMatchObject({ sum: '2' });
    await until('it is counted', async () => (await total()).count === 1);
    expect(await send(0, { requestId, a: '5', b: '1' })).toMatchObject({ code: 6 });
    // The other one cannot know it: the ledger does, and the event ends in the dead letters.
    expect(await send(1, { requestId, a: '5', b: '1' })).toMatchObject({ sum: '6' });
    const status = await delivered();
    expect(status.deadLetters).toBe(1);
    expect(await total()).toMatchObject({ total: '2', count: 1 });
    const letters = await getPage<unknown>(log.url, '/dead-letters');
    expect(JSON.stringify(letters)).toContain('other operands');
  });

  test('I2: a retry after the cache has forgotten the id counts once', async () => {
    const first = { requestId: randomUUID(), a: '1', b: '0' };
    await send(1, first);
    await send(1, { requestId: randomUUID(), a: '10', b: '0' });
    expect(await send(1, first)).toMatchObject({ sum: '1', replayed: false });
    expect((await delivered()).records).toBe(3);
    expect(await total()).toMatchObject({ total: '11', count: 2 });
  });

  test('I3: large and tiny amounts add up to the last digit, in any order', async () => {
    const huge = `1${'0'.repeat(400)}`;
    const tiny = `0.${'0'.repeat(400)}1`;
    const amounts = [huge, tiny, `-${huge}`, '0.1', '0.2', '-0.3', tiny, '9007199254740993', '2147483648'];
    await Promise.all(amounts.map((a, n) => send(n % 2, { requestId: randomUUID(), a, b: '0' })));
    await delivered();
    expect(await total()).toMatchObject({
      total: `9007201402224641.${'0'.repeat(400)}2`,
      count: amounts.length,
    });
  });

  test('I4: reads never go back while events are counted', async () => {
    const versions: number[] = [];
    const reading = (async () => {
      for (let version = 0; version < 500; versions.push(version)) ({ version } = await total());
    })();
    await Promise.all(
      Array.from({ length: 500 }, (_, n) => send(n % 2, { requestId: randomUUID(), a: '1', b: '0' })),
    );
    await reading;
    expect(versions).toEqual(versions.toSorted((x, y) => x - y));
    expect(await total()).toMatchObject({ total: '500', count: 500 });
  });

  test('I1, I7: with the log gone an answer is never OK, and a retry with the same id settles it', async () => {
    const request = { requestId: randomUUID(), a: '1', b: '1' };
    await log.kill();
    const unknown = await createAdder(firstAddress, 1_000)(request);
    expect([4, 14]).toContain('code' in unknown ? unknown.code : undefined);
    await log.start();
    expect(await send(0, request)).toMatchObject({ sum: '2' });
    await delivered();
    expect(await total()).toMatchObject({ total: '2', count: 1 });
  });

  test('I1, I5: what was acknowledged is there after every process was killed at once', async () => {
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => send(n % 2, { requestId: randomUUID(), a: '0.01', b: '0' })),
    );
    await Promise.all([accumulate.kill(), log.kill()]);
    await accumulate.start();
    await log.start();
    await delivered();
    expect(await total()).toMatchObject({ total: '2', count: 200 });
  });
});
