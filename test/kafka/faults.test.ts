// What Kafka and the bridge go through in a bad week, under load, and the total compared afterwards: the broker killed,
// frozen, its acknowledgements lost; the bridge killed; a second bridge that comes and goes.

import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeEach, expect, test } from '@jest/globals';

import { verifyDirectory } from '../../functions/accumulate/ledger/fixtures.ts';
import { PartProcess } from '../part-process.ts';
import { makeTempDir } from '../temp-dir.ts';
import { getPage, startSubscriber } from '../test-log.ts';
import { until } from '../until.ts';
import { Broker } from './broker.ts';
import { TestKafka } from './kafka.ts';
import { SinkLoad } from './sink-load.ts';

const longMs = 120_000;

let directory: string;
let accumulate: PartProcess;

beforeEach(async () => {
  directory = makeTempDir();
  accumulate = await new PartProcess('accumulate', { DATA_DIR: directory }).start();
});

/** A bridge whose retries outlast whatever a test does. */
async function startBridge(kafka: TestKafka, subscriber = accumulate.url): Promise<PartProcess> {
  return await new PartProcess('log', {
    ...kafka.env,
    SUBSCRIBER: subscriber,
    DELIVERY_RETRIES: '20',
    DELIVERY_BACKOFF: '1ms',
    LOG_COMMIT_INTERVAL: '100ms',
    LOG_LEVEL: 'fatal',
  }).start();
}

/** One that may be killed: other tests have another. */
let broker: Broker | undefined;

async function ownBroker(): Promise<Broker> {
  return (broker ??= await Broker.start());
}

afterAll(() => broker?.remove());

function more(load: SinkLoad, events: number): Promise<unknown> {
  const before = load.acknowledged.size;
  return until('the load goes on', () => load.acknowledged.size >= before + events, longMs);
}

/** Everything that was acknowledged is counted once, and nothing else is. */
async function expectExact(kafka: TestKafka, load: SinkLoad): Promise<void> {
  await load.stop();
  const { size } = load.acknowledged;
  const status = await until(
    'everything is delivered and committed',
    async () => {
      const now = await kafka.status().catch(() => undefined);
      return now !== undefined && now.lag === 0 && now;
    },
    longMs,
  );
  expect(await getPage(accumulate.url, '/total')).toMatchObject({ count: size, total: String(size / 100) });
  expect(status.deadLetters).toBe(0);
  expect(await accumulate.stop()).toBe(0);
  expect(verifyDirectory(directory)).toEqual([]);
}

test('I1, I2: exact, though the broker is killed and started again under load', async () => {
  const broker = await ownBroker();
  const kafka = new TestKafka(broker.address);
  const bridge = await startBridge(kafka);
  const load = new SinkLoad([() => bridge.url]);
  for (let kill = 0; kill < 3; kill++) {
    await more(load, 300);
    await broker.kill();
    await until('clients are told that it is not known', () => load.unknown > kill * 16, longMs);
    await broker.start();
  }
  await more(load, 300);
  await expectExact(kafka, load);
  expect(load.unknown).toBeGreaterThan(0);
});

test('a broker that pauses for some seconds writes nothing twice', async () => {
  const broker = await ownBroker();
  const kafka = new TestKafka(broker.address);
  const bridge = await startBridge(kafka);
  const load = new SinkLoad([() => bridge.url]);
  for (const seconds of [4, 2]) {
    await more(load, 300);
    broker.freeze();
    await delay(seconds * 1_000);
    broker.thaw();
  }
  await more(load, 300);
  await expectExact(kafka, load);
  const { records } = await kafka.status();
  expect({ records, unknown: load.unknown }).toEqual({ records: load.acknowledged.size, unknown: 0 });
});

test('I1: with the bridge killed under load, no offset is ever committed past what is applied, and all is applied', async () => {
  const kafka = new TestKafka();
  const subscriber = await startSubscriber();
  const applied = new Set<string>();
  // Every fifth event takes so long that many after it are done, and committed if that were allowed, before it is.
  subscriber.respond = async ({ headers }) => {
    const id = String(headers['ce-id']);
    if (Number.parseInt(id.slice(0, 8), 16) % 5 === 0) await delay(1_000);
    applied.add(id);
    return { status: 204 };
  };
  const bridge = await startBridge(kafka, subscriber.url.href);
  const load = new SinkLoad([() => bridge.url]);
  const countCommitted = async (): Promise<number> =>
    (await kafka.status()).partitions.reduce((sum, { committedOffset }) => sum + committedOffset, 0);
  for (let kill = 1; kill <= 3; kill++) {
    await more(load, 500);
    await until('there is something to judge', async () => (await countCommitted()) >= kill * 100, longMs);
    await bridge.kill();
    const { partitions } = await kafka.status();
    const before = new Set(applied);
    const committed = new Map(
      partitions.map(({ partition, committedOffset }) => [partition, committedOffset]),
    );
    const done = (await kafka.records())
      .filter(({ partition, offset }) => offset < (committed.get(partition) ?? 0))
      .map(({ headers }) => new Map(headers).get('ce_id') ?? '');
    expect(done.length).toBeGreaterThanOrEqual(kill * 100);
    expect(done.filter((id) => !before.has(id))).toEqual([]);
    await bridge.start();
  }
  await load.stop();
  await until('everything is committed', async () => (await kafka.status()).lag === 0, longMs);
  expect([...load.acknowledged].filter((id) => !applied.has(id))).toEqual([]);
});

test('I1, I2: exact through the rebalances of a second bridge that comes, is killed, comes again and drains', async () => {
  const kafka = new TestKafka();
  const first = await startBridge(kafka);
  const load = new SinkLoad([() => first.url]);
  await more(load, 300);
  const second = await startBridge(kafka);
  const hasPartitions = (bridge: PartProcess, count: number) =>
    until(
      `${count} partitions are assigned`,
      async () => {
        const { partitions } = await getPage<{ partitions?: { assigned: boolean }[] }>(bridge.url, '/status');
        return partitions?.filter(({ assigned }) => assigned).length === count;
      },
      longMs,
    );
  await Promise.all([hasPartitions(first, 6), hasPartitions(second, 6)]);
  await more(load, 300);
  await second.kill();
  await hasPartitions(first, 12);
  await second.start();
  await hasPartitions(second, 6);
  await more(load, 300);
  expect(await second.stop()).toBe(0);
  await hasPartitions(first, 12);
  await expectExact(kafka, load);
  expect(await first.stop()).toBe(0);
});
