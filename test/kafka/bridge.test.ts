// The bridge against a real broker: what its sink writes, what its source delivers, and what becomes of the rest.

import { randomUUID } from 'node:crypto';

import { describe, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';

import type { FakeSubscriber } from '../fake-subscriber.ts';
import { PartProcess } from '../part-process.ts';
import { makeTempDir } from '../temp-dir.ts';
import { eventHeaders, getPage, postEvent, startSubscriber } from '../test-log.ts';
import { until } from '../until.ts';
import type { BridgeStatus } from '../../local/kafka/status.ts';
import { ensureTopics } from '../../local/kafka/topics.ts';
import { TestKafka } from './kafka.ts';

const quick = { DELIVERY_RETRIES: '2', DELIVERY_BACKOFF: '1ms', LOG_COMMIT_INTERVAL: '50ms' };

async function startBridge(kafka: TestKafka, subscriber: { readonly url: URL }): Promise<PartProcess> {
  return await new PartProcess('log', { ...kafka.env, ...quick, SUBSCRIBER: subscriber.url.href }).start();
}

async function startAll(): Promise<{ kafka: TestKafka; subscriber: FakeSubscriber; bridge: PartProcess }> {
  const kafka = new TestKafka();
  const subscriber = await startSubscriber();
  return { kafka, subscriber, bridge: await startBridge(kafka, subscriber) };
}

function settled(bridge: PartProcess): Promise<BridgeStatus> {
  return until('everything is delivered and committed', async () => {
    const status = await getPage<BridgeStatus>(bridge.url, '/status');
    return status.lag === 0 && status;
  });
}

describe('a record that the sink writes', () => {
  test('has the headers of a KafkaSink in their order, the partition key as its key and the body as it came', async () => {
    const { kafka, bridge } = await startAll();
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const id = randomUUID();
    const headers = {
      'ce-time': '2026-01-02T03:04:05.120Z',
      'ce-partitionkey': id,
      'ce-subject': 'sales',
      'ce-dataschema': 'urn:tally:schema:sum.v1',
      'ce-traceparent': trace,
      traceparent: trace,
      'x-other': 'dropped',
    };
    expect(await postEvent(bridge.url, id, headers, '{"a":"1.50","b":"2","sum":"3.5"}')).toBe(202);
    const [record] = await kafka.records();
    expect(record).toMatchObject({ key: id, value: '{"a":"1.50","b":"2","sum":"3.5"}' });
    expect(record?.headers).toEqual([
      ['ce_specversion', '1.0'],
      ['ce_id', id],
      ['ce_source', '/functions/add'],
      ['ce_type', 'dev.tally.sum.v1'],
      ['content-type', 'application/json'],
      ['ce_dataschema', 'urn:tally:schema:sum.v1'],
      ['ce_subject', 'sales'],
      ['ce_time', '2026-01-02T03:04:05.12Z'],
      ['ce_partitionkey', id],
      ['ce_traceparent', trace],
      ['traceparent', expect.stringMatching(`^00-${'a'.repeat(32)}-[0-9a-f]{16}-01$`)],
    ]);
  });

  test('of a structured event is binary too, its data serialised again', async () => {
    const { kafka, bridge } = await startAll();
    const event = `{"specversion":"1.0","id":"s","source":"/x","type":"t","datacontenttype":"application/json",
      "data":{"a":1.50,"b":12345678901234567890}}`;
    const response = await fetch(`${bridge.url}/default/sums`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: event,
    });
    expect(response.status).toBe(202);
    const [record] = await kafka.records();
    expect(record).toMatchObject({ key: null, value: '{"a":1.5,"b":12345678901234567890}' });
    expect(record?.headers).toEqual([
      ['ce_specversion', '1.0'],
      ['ce_id', 's'],
      ['ce_source', '/x'],
      ['ce_type', 't'],
      ['content-type', 'application/json'],
    ]);
  });

  test('lies in the partition that Kafka’s own clients choose for its key, so that duplicates meet', async () => {
    const { kafka, bridge } = await startAll();
    const keys = Array.from({ length: 30 }, () => randomUUID());
    for (const key of keys) await postEvent(bridge.url, key, { 'ce-partitionkey': key });
    const producer = await kafka.producer();
    await producer.send({ topic: kafka.topic, messages: keys.map((key) => ({ key, value: null })) });
    const partitions = new Map<string, Set<number>>();
    for (const { key, partition } of await kafka.records()) {
      partitions.set(key ?? '', (partitions.get(key ?? '') ?? new Set()).add(partition));
    }
    expect([...partitions.values()].map(({ size }) => size)).toEqual(keys.map(() => 1));
    expect(new Set([...partitions.values()].flatMap((found) => [...found])).size).toBeGreaterThan(3);
  });

  test('has no value when the event has no data, and a record that is too large is 503 and harms no other', async () => {
    const { kafka, bridge } = await startAll();
    // Under the sink's own limit, and with what Kafka puts round it over the broker's.
    const large = 'x'.repeat(1_048_450);
    const sent = ['first', 'large', 'second'].map((id) =>
      postEvent(bridge.url, id, {}, id === 'large' ? large : 'small'),
    );
    expect(await Promise.all(sent)).toEqual([202, 503, 202]);
    const response = await fetch(`${bridge.url}/default/sums`, {
      method: 'POST',
      headers: { ...eventHeaders('none') },
    });
    expect(response.status).toBe(202);
    const values = (await kafka.records()).map(({ headers, value }) => [
      new Map(headers).get('ce_id'),
      value,
    ]);
    expect(new Map(values as [string, string | null][])).toEqual(
      new Map([
        ['first', 'small'],
        ['second', 'small'],
        ['none', null],
      ]),
    );
  });
});

describe('a delivery', () => {
  test('has the headers and the body of a KafkaSource, with partition and offset', async () => {
    const { kafka, subscriber, bridge } = await startAll();
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await postEvent(bridge.url, 'first', {
      'ce-partitionkey': 'key',
      'ce-knativekafkaoffset': '99',
      traceparent: trace,
    });
    const [record] = await kafka.records();
    const delivery = await until('it is delivered', () => subscriber.deliveries[0]);
    expect(delivery).toEqual({
      method: 'POST',
      url: '/',
      headers: {
        ...eventHeaders('first'),
        'ce-partitionkey': 'key',
        'ce-knativekafkapartition': String(record?.partition),
        'ce-knativekafkaoffset': '0',
        traceparent: expect.stringMatching(`^00-${'a'.repeat(32)}-[0-9a-f]{16}-01$`),
        prefer: 'reply',
        'kn-namespace': 'default',
        'user-agent': 'tally-log',
        'content-length': '27',
        host: subscriber.url.host,
        connection: 'keep-alive',
      },
      body: '{"a":"2","b":"3","sum":"5"}',
    });
  });

  test('of a record that is none of a CloudEvent is refused by accumulate and ends in the dead letters', async () => {
    const kafka = new TestKafka();
    const accumulate = await new PartProcess('accumulate', { DATA_DIR: makeTempDir() }).start();
    const bridge = await startBridge(kafka, { url: new URL(accumulate.url) });
    const producer = await kafka.producer();
    await producer.send({
      topic: kafka.topic,
      messages: [
        { key: 'k', value: '{"a":"1","b":"1","sum":"2"}', partition: 5, headers: { 'X-Team_1': 'shop' } },
      ],
    });
    const status = await settled(bridge);
    expect(status.deadLetters).toBe(1);
    const [letter] = await kafka.records(kafka.deadLetterTopic);
    expect(letter).toMatchObject({ key: 'k', value: '{"a":"1","b":"1","sum":"2"}' });
    expect(Object.fromEntries(letter?.headers ?? [])).toMatchObject({
      ce_id: 'partition:5/offset:0',
      ce_type: 'dev.knative.kafka.event',
      ce_source: `/apis/v1/namespaces/default/kafkasources/sums#${kafka.topic}`,
      ce_subject: 'partition:5#0',
      ce_kafkaheaderxteam1: 'shop',
      ce_knativeerrorcode: '400',
      ce_knativeerrordest: `${accumulate.url}/`,
      ce_knativeerrordata: expect.stringMatching(/./),
    });
    expect(await getPage(accumulate.url, '/total')).toMatchObject({ total: '0', count: 0 });
  });

  test('begins with the earliest record, also where there was no consumer group yet', async () => {
    const kafka = new TestKafka();
    await ensureTopics(await kafka.admin(), kafka.topic);
    const ids = Array.from({ length: 50 }, (_, n) => `early-${n}`);
    const event = { ce_specversion: '1.0', ce_source: '/s', ce_type: 't' };
    const messages = ids.map((id) => ({ key: id, value: null, headers: { ...event, ce_id: id } }));
    await (await kafka.producer()).send({ topic: kafka.topic, messages });
    const subscriber = await startSubscriber();
    await startBridge(kafka, subscriber);
    await until('all are delivered', () => subscriber.ids.size === ids.length);
  });

  test('that fails for good becomes a dead letter with its id and key, and the rest goes on', async () => {
    const { kafka, subscriber, bridge } = await startAll();
    subscriber.respond = ({ headers }) => ({
      status: headers['ce-id'] === 'bad' ? 422 : 204,
      body: 'other operands',
    });
    for (const id of ['good', 'bad', 'better']) await postEvent(bridge.url, id, { 'ce-partitionkey': id });
    expect((await settled(bridge)).deadLetters).toBe(1);
    expect(subscriber.ids).toEqual(new Set(['good', 'bad', 'better']));
    const [letter] = await kafka.records(kafka.deadLetterTopic);
    expect(letter?.key).toBe('bad');
    expect(Object.fromEntries(letter?.headers ?? [])).toMatchObject({
      ce_id: 'bad',
      ce_knativeerrorcode: '422',
      ce_knativeerrordata: Buffer.from('other operands').toString('base64'),
    });
  });

  test('of the largest record that a topic takes fits into the dead letters too', async () => {
    const { kafka, subscriber, bridge } = await startAll();
    subscriber.respond = () => ({ status: 413, body: 'x'.repeat(2_000) });
    const value = 'x'.repeat(1_048_400);
    await (await kafka.producer()).send({ topic: kafka.topic, messages: [{ key: 'large', value }] });
    expect((await settled(bridge)).deadLetters).toBe(1);
    const [letter] = await kafka.records(kafka.deadLetterTopic);
    expect(letter?.value?.length).toBe(value.length);
  });

  test('of a record that was packed larger than any dead letter can be is one without the data', async () => {
    const { kafka, subscriber, bridge } = await startAll();
    subscriber.respond = ({ headers }) => ({ status: headers['ce-id'] === 'good' ? 204 : 413 });
    const value = 'x'.repeat(5_000_000);
    const compression = kafkajs.CompressionTypes.GZIP;
    const messages = [{ key: 'large', value }];
    await (await kafka.producer()).send({ topic: kafka.topic, compression, messages });
    await postEvent(bridge.url, 'good');
    expect((await settled(bridge)).deadLetters).toBe(1);
    expect(await kafka.records(kafka.deadLetterTopic)).toMatchObject([{ key: 'large', value: null }]);
  });

  test('is tried again while the subscriber fails, beyond what is in flight at one time, and none is lost', async () => {
    const { subscriber, bridge } = await startAll();
    subscriber.respond = (_delivery, nth) => ({ status: nth === 1 ? 503 : 204 });
    const ids = Array.from({ length: 400 }, (_, n) => `id-${n}`);
    await Promise.all(ids.map((id) => postEvent(bridge.url, id, { 'ce-partitionkey': id })));
    const status = await settled(bridge);
    expect(status).toMatchObject({ records: 400, deadLetters: 0, delivered: 400, redeliveries: 400 });
    expect(subscriber.mostAtOnce).toBeLessThanOrEqual(99);
  });
});

test('I1: nothing is committed for a topic that was deleted and made again but what was read of it', async () => {
  const { kafka, subscriber, bridge } = await startAll();
  const admin = await kafka.admin();
  const producer = await kafka.producer();
  const event = { ce_specversion: '1.0', ce_source: '/s', ce_type: 't' };
  const send = async (name: string, count: number): Promise<void> => {
    const messages = Array.from({ length: count * 12 }, (_, n) => {
      return { partition: n % 12, value: null, headers: { ...event, ce_id: `${name}-${n}` } };
    });
    // The producer has to learn of the new topic, as any other would.
    await until('it is sent', () => producer.send({ topic: kafka.topic, messages }).catch(() => undefined));
  };
  await send('old', 30);
  await settled(bridge);
  await admin.deleteTopics({ topics: [kafka.topic] });
  await until('it is gone', async () => !(await admin.listTopics()).includes(kafka.topic));
  await ensureTopics(admin, kafka.topic);
  // A second member that comes and goes makes the first one join anew.
  const second = await startBridge(kafka, subscriber);
  expect(await second.stop()).toBe(0);
  expect(await bridge.stop()).toBe(0);
  await send('new', 50);
  await bridge.start();
  const isNew = (id: string): boolean => id.startsWith('new-');
  await until('all are delivered', () => [...subscriber.ids].filter(isNew).length === 600);
});

test('SIGTERM commits what is done, and the next start delivers none of it again', async () => {
  const { kafka, subscriber, bridge } = await startAll();
  for (const id of ['a', 'b', 'c']) await postEvent(bridge.url, id);
  await until('all are delivered', () => subscriber.ids.size === 3);
  expect(await bridge.stop()).toBe(0);
  expect(await kafka.status()).toMatchObject({ records: 3, lag: 0 });
  await bridge.start();
  await postEvent(bridge.url, 'd');
  await until('the next one is delivered', () => subscriber.has('d'));
  expect(subscriber.deliveries).toHaveLength(4);
});
