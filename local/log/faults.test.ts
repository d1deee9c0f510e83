import { expect, test } from '@jest/globals';

import type { FaultRates } from '../../test/faulty-log.ts';
import { startLogProcess } from '../../test/log-process.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { postEvent, postEvents, startSubscriber, startTestLog } from '../../test/test-log.ts';
import { until } from '../../test/until.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `id-${index}`);

test('an answer can be dropped after the record was stored', async () => {
  const { url, subscriber } = await startTestLog({}, { faults: { sink: () => 'store-and-hang-up' } });
  await expect(postEvent(url, 'a')).rejects.toThrow('fetch failed');
  await until('it is delivered all the same', () => subscriber.countOf('a') === 1);
});

test('the sink can go away before it stores', async () => {
  const { url, eventLog } = await startTestLog({}, { faults: { sink: () => 'hang-up' } });
  await expect(postEvent(url, 'a')).rejects.toThrow('fetch failed');
  expect(eventLog.status().nextOffset).toBe(0);
});

test('a record can be stored twice, with one id and two offsets', async () => {
  const { url, subscriber } = await startTestLog({}, { faults: { sink: () => 'twice' } });
  expect(await postEvent(url, 'a')).toBe(202);
  await until('both are delivered', () => subscriber.countOf('a') === 2);
  const offsets = subscriber.deliveries.map(({ headers }) => headers['ce-knativekafkaoffset']);
  expect(offsets.sort()).toEqual(['0', '1']);
});

test('a record can be delivered in copies at one time', async () => {
  const subscriber = await startSubscriber();
  const both = Promise.withResolvers<{ status: number }>();
  subscriber.respond = (_delivery, nth) => {
    if (nth === 2) both.resolve({ status: 204 });
    return both.promise;
  };
  const { url, eventLog } = await startTestLog({}, { subscriber, faults: { copies: () => 2 } });
  await postEvent(url, 'a');
  await until('it is done', () => eventLog.status().committedOffset === 1);
  expect(subscriber.countOf('a')).toBe(2);
});

test('records can be delivered in another order and late, and the offset still waits for the slowest', async () => {
  const subscriber = await startSubscriber();
  const slow = Promise.withResolvers<undefined>();
  const first = await startTestLog(
    {},
    {
      subscriber,
      faults: {
        order: (records) => records.toReversed(),
        beforeDelivery: async ({ headers }) => {
          if (headers['ce_id'] === 'id-0') await slow.promise;
        },
      },
    },
  );
  await postEvent(first.url, 'id-0');
  await postEvents(first.url, ids(10).slice(1), 1);
  await until('all others are delivered', () => subscriber.deliveries.length === 9);
  expect(first.eventLog.status().committedOffset).toBe(0);
  slow.resolve(undefined);
  await until('all are delivered', () => first.eventLog.status().committedOffset === 10);
});

test('I1: a log that misbehaves at random still delivers what a client sends until it is answered', async () => {
  const subscriber = await startSubscriber();
  const rates: FaultRates = { hangUp: 0.1, dropAnswer: 0.2, storeTwice: 0.2, duplicate: 0.2, lateMs: 20 };
  const log = startLogProcess(
    { SUBSCRIBER: subscriber.url.href, DATA_DIR: makeTempDir(), FAULTS: JSON.stringify(rates) },
    { entry: 'test/faulty-log.ts' },
  );
  const url = await log.url();
  const sent = ids(100);
  for (const id of sent) {
    await until('it is answered', async () => (await postEvent(url, id).catch(() => 0)) === 202);
  }
  await until('all are delivered', async () => {
    const { committedOffset, nextOffset } = await log.status();
    return committedOffset === nextOffset;
  });
  expect([...subscriber.ids].sort()).toEqual(sent.sort());
  expect(subscriber.deliveries.length).toBeGreaterThan(110);
});

test('I1: nothing in the environment makes the product misbehave', async () => {
  const subscriber = await startSubscriber();
  const rates: FaultRates = { hangUp: 1 };
  const log = startLogProcess({
    SUBSCRIBER: subscriber.url.href,
    DATA_DIR: makeTempDir(),
    FAULTS: JSON.stringify(rates),
  });
  expect(await postEvent(await log.url(), 'a')).toBe(202);
});
