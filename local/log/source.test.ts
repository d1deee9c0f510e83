import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { makeTempDir } from '../../test/temp-dir.ts';
import {
  eventHeaders,
  getPage,
  postEvent,
  postEvents,
  startSubscriber,
  startTestLog,
} from '../../test/test-log.ts';
import { until } from '../../test/until.ts';
import { Store } from './store.ts';

interface DeadLetters {
  readonly items: {
    readonly key: string | null;
    readonly data: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly error: {
      readonly destination: string;
      readonly code: number | null;
      readonly data: string | null;
    };
  }[];
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `id-${index}`);

test('a delivery has the headers and the body of a KafkaSource', async () => {
  const { url, subscriber } = await startTestLog();
  const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  await postEvent(url, 'first');
  await postEvent(url, 'second', {
    'ce-time': '2026-01-02T03:04:05.120Z',
    'ce-partitionkey': 'key',
    'ce-knativekafkaoffset': '99',
    'ce-traceparent': trace,
    traceparent: trace,
    'x-other': 'dropped',
  });
  const delivery = await until('it is delivered', () =>
    subscriber.deliveries.find(({ headers }) => headers['ce-id'] === 'second'),
  );
  expect(delivery).toEqual({
    method: 'POST',
    url: '/',
    headers: {
      ...eventHeaders('second'),
      'ce-time': '2026-01-02T03:04:05.12Z',
      'ce-partitionkey': 'key',
      'ce-traceparent': trace,
      'ce-knativekafkapartition': '0',
      'ce-knativekafkaoffset': '1',
      traceparent: expect.stringMatching(`^00-${'a'.repeat(32)}-[0-9a-f]{16}-01$`),
      prefer: 'reply',
      'kn-namespace': 'default',
      'user-agent': 'tally-log',
      host: subscriber.url.host,
      connection: 'keep-alive',
      'content-length': '27',
    },
    body: '{"a":"2","b":"3","sum":"5"}',
  });
});

test('characters that Latin-1 lacks arrive as question marks', async () => {
  const { url, subscriber } = await startTestLog();
  const body = '{"specversion":"1.0","id":"é→😀","source":"/s","type":"t"}';
  await fetch(`${url}/default/sums`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body,
  });
  const delivery = await until('it is delivered', () => subscriber.deliveries[0]);
  expect(delivery.headers['ce-id']).toBe('é??');
});

test('at most 99 deliveries are in flight, and each record is delivered once', async () => {
  const subscriber = await startSubscriber();
  const gate = Promise.withResolvers<undefined>();
  subscriber.respond = async () => {
    await gate.promise;
    return { status: 200, body: 'a reply, discarded' };
  };
  const { url, eventLog } = await startTestLog({}, { subscriber });
  await postEvents(url, ids(300), 32);
  await until('as many as may be are in flight', () => eventLog.status().inFlight >= 50);
  gate.resolve(undefined);
  await until('all are delivered', () => eventLog.status().committedOffset === 300);
  expect(subscriber.deliveries).toHaveLength(300);
  expect(subscriber.ids.size).toBe(300);
  expect(subscriber.mostAtOnce).toBeLessThanOrEqual(99);
});

describe('a delivery that fails', () => {
  test.each([404, 408, 409, 429, 500, 503, 'hang-up', 'silence'] as const)(
    'with %s is tried again and succeeds without a dead letter',
    async (failure) => {
      const subscriber = await startSubscriber();
      subscriber.respond = (_delivery, nth) => {
        if (nth > 2) return { status: 204 };
        return typeof failure === 'string'
          ? failure
          : { status: failure, headers: { 'retry-after': '3600' } };
      };
      const { url, eventLog } = await startTestLog(
        { delivery: { retries: 2, backoffDelayMs: 1, timeoutMs: 100 } },
        { subscriber },
      );
      await postEvent(url, 'a');
      await until('it is done', () => eventLog.status().committedOffset === 1);
      expect(subscriber.deliveries).toHaveLength(3);
      expect(eventLog.status()).toMatchObject({ delivered: 1, redeliveries: 2, deadLetters: 0 });
    },
  );

  test.each([302, 400, 401, 403, 413, 415, 422])('with %d is not tried again', async (status) => {
    const subscriber = await startSubscriber();
    subscriber.respond = () => ({ status });
    const { url, eventLog } = await startTestLog({}, { subscriber });
    await postEvent(url, 'a');
    await until('it is done', () => eventLog.status().committedOffset === 1);
    expect(subscriber.deliveries).toHaveLength(1);
    expect(eventLog.status()).toMatchObject({ delivered: 0, deadLetters: 1 });
  });

  test('with 303 and a location is followed by a GET, whose success counts', async () => {
    const subscriber = await startSubscriber();
    subscriber.respond = ({ method }) =>
      method === 'GET' ? { status: 200 } : { status: 303, headers: { location: '/there?x=1' } };
    const { url, eventLog } = await startTestLog({}, { subscriber });
    await postEvent(url, 'a');
    await until('it is delivered', () => eventLog.status().delivered === 1);
    expect(subscriber.deliveries.map(({ method, url: target }) => `${method} ${target}`)).toEqual([
      'POST /',
      'GET /there?x=1',
    ]);
  });
});

describe('a dead letter', () => {
  test('is the event with where it failed, the status and the first 1024 bytes of the answer', async () => {
    const subscriber = await startSubscriber();
    const body = `{"title":"conflict"}${'x'.repeat(2_000)}`;
    subscriber.respond = () => ({ status: 422, headers: { 'kne-reason': 'why', 'kne-bad_name': 'x' }, body });
    const { url, eventLog } = await startTestLog({}, { subscriber });
    await postEvent(url, 'a', { 'ce-partitionkey': 'key' });
    await until('it is dead', () => eventLog.status().committedOffset === 1);
    const { items } = await getPage<DeadLetters>(url, '/dead-letters');
    const data = body.slice(0, 1_024);
    expect(items).toEqual([
      {
        offset: 0,
        time: expect.any(String),
        key: 'key',
        contentType: 'application/json',
        data: '{"a":"2","b":"3","sum":"5"}',
        attributes: {
          specversion: '1.0',
          id: 'a',
          source: '/functions/add',
          type: 'dev.tally.sum.v1',
          partitionkey: 'key',
          knativekafkapartition: '0',
          knativekafkaoffset: '0',
          knativeerrordest: subscriber.url.href,
          knativeerrorcode: '422',
          knativeerrordata: Buffer.from(data).toString('base64'),
          reason: 'why',
        },
        error: { destination: subscriber.url.href, code: 422, data },
      },
    ]);
  });

  test('follows the last retry', async () => {
    const subscriber = await startSubscriber();
    subscriber.respond = () => ({ status: 503 });
    const { url, eventLog } = await startTestLog({}, { subscriber });
    await postEvent(url, 'a');
    await until('it is dead', () => eventLog.status().committedOffset === 1);
    expect(subscriber.deliveries).toHaveLength(3);
    const { items } = await getPage<DeadLetters>(url, '/dead-letters');
    expect(items.map(({ error }) => error)).toEqual([
      { destination: subscriber.url.href, code: 503, data: null },
    ]);
    expect(items[0]?.attributes).not.toHaveProperty('knativeerrordata');
  });

  test('has no code when there was no answer', async () => {
    const subscriber = await startSubscriber();
    const { url, eventLog } = await startTestLog({}, { subscriber });
    await subscriber.close();
    await postEvent(url, 'a');
    await until('it is dead', () => eventLog.status().committedOffset === 1);
    const { items } = await getPage<DeadLetters>(url, '/dead-letters');
    expect(items[0]?.attributes).not.toHaveProperty('knativeerrorcode');
    expect(items[0]?.error).toEqual({ destination: subscriber.url.href, code: null, data: null });
  });

  test('of a record that no request can carry is written at once and has no code', async () => {
    const dataDir = makeTempDir();
    // As the sink of an earlier version stored it.
    const store = new Store(join(dataDir, 'log.db'));
    const attributes = { ce_specversion: '1.0', ce_id: 'a', ce_source: '/s', ce_type: 't' };
    const headers = { ...attributes, ce_subject: 'a\nb' };
    store.append([{ topic: 'sums', record: { key: null, headers, value: null } }]);
    store.close();
    const delivery = { retries: 10, backoffDelayMs: 60_000, timeoutMs: 60_000 };
    const { url, eventLog, subscriber } = await startTestLog({ dataDir, delivery });
    await until('it is dead', () => eventLog.status().committedOffset === 1);
    expect(eventLog.status()).toMatchObject({ delivered: 0, redeliveries: 0, deadLetters: 1 });
    expect(subscriber.deliveries).toHaveLength(0);
    const { items } = await getPage<DeadLetters>(url, '/dead-letters');
    expect(items[0]?.attributes).not.toHaveProperty('knativeerrorcode');
    expect(items[0]?.error).toEqual({ destination: subscriber.url.href, code: null, data: null });
  });

  test('is final: its record is not delivered again after a restart', async () => {
    const subscriber = await startSubscriber();
    const held = Promise.withResolvers<{ status: number }>();
    subscriber.respond = ({ headers }) => (headers['ce-id'] === 'dead' ? { status: 422 } : held.promise);
    const first = await startTestLog({}, { subscriber });
    await postEvent(first.url, 'unfinished');
    await postEvent(first.url, 'dead');
    await until('one is dead', () => first.eventLog.status().deadLetters === 1);
    expect(first.eventLog.status().committedOffset).toBe(0);
    const drained = first.eventLog.drain();
    held.resolve({ status: 503 });
    await drained;
    subscriber.respond = () => ({ status: 204 });
    const second = await startTestLog({ dataDir: first.dataDir }, { subscriber });
    await until('the rest is delivered', () => second.eventLog.status().committedOffset === 2);
    expect(subscriber.countOf('dead')).toBe(1);
    expect(subscriber.countOf('unfinished')).toBe(2);
    expect(second.eventLog.status().deadLetters).toBe(1);
  });
});

test('a drain gives up waits for a retry, and the record is delivered after the restart', async () => {
  const subscriber = await startSubscriber();
  subscriber.respond = () => ({ status: 503 });
  const delivery = { retries: 10, backoffDelayMs: 60_000, timeoutMs: 60_000 };
  const first = await startTestLog({ delivery }, { subscriber });
  await postEvent(first.url, 'a');
  await until('it waits', () => subscriber.deliveries.length === 1);
  await first.eventLog.drain();
  subscriber.respond = () => ({ status: 204 });
  const second = await startTestLog({ dataDir: first.dataDir, delivery }, { subscriber });
  await until('it is delivered', () => second.eventLog.status().delivered === 1);
  expect(second.eventLog.status()).toMatchObject({ committedOffset: 1, deadLetters: 0 });
});

test('a drain cuts an attempt that takes too long, and the record is no dead letter but delivered again', async () => {
  const subscriber = await startSubscriber();
  subscriber.respond = () => 'silence';
  const delivery = { retries: 0, backoffDelayMs: 1, timeoutMs: 60_000 };
  const first = await startTestLog({ delivery, drainGraceMs: 10 }, { subscriber });
  await postEvent(first.url, 'a');
  await until('it is being delivered', () => subscriber.deliveries.length === 1);
  await first.eventLog.drain();
  subscriber.respond = () => ({ status: 204 });
  const second = await startTestLog({ dataDir: first.dataDir, delivery }, { subscriber });
  await until('it is delivered', () => second.eventLog.status().delivered === 1);
  expect(second.eventLog.status()).toMatchObject({ committedOffset: 1, deadLetters: 0 });
});

test('a drain saves the offset, so that a restart delivers nothing again', async () => {
  const first = await startTestLog({ commitIntervalMs: 3_600_000 });
  await postEvents(first.url, ids(20));
  await until('all are delivered', () => first.eventLog.status().committedOffset === 20);
  await first.eventLog.drain();
  const second = await startTestLog({ dataDir: first.dataDir }, { subscriber: first.subscriber });
  expect(second.eventLog.status()).toMatchObject({ committedOffset: 20, savedOffset: 20, inFlight: 0 });
  await postEvent(second.url, 'new');
  await until('the new one is delivered', () => first.subscriber.countOf('new') === 1);
  expect(first.subscriber.deliveries).toHaveLength(21);
});

test('the committed offset is saved now and then', async () => {
  const { url, eventLog } = await startTestLog({ commitIntervalMs: 10 });
  await postEvent(url, 'a');
  await until('it is saved', () => eventLog.status().savedOffset === 1);
});

test('delivered records are removed after the retention time, dead letters are kept', async () => {
  const subscriber = await startSubscriber();
  subscriber.respond = ({ headers }) => ({ status: headers['ce-id'] === 'id-3' ? 400 : 204 });
  const { url, eventLog } = await startTestLog({ commitIntervalMs: 10, retentionMs: 50 }, { subscriber });
  await postEvents(url, ids(20));
  await until('all are removed', () => eventLog.status().records === 0);
  expect(eventLog.status()).toMatchObject({
    firstOffset: 20,
    nextOffset: 20,
    committedOffset: 20,
    deadLetters: 1,
  });
});
