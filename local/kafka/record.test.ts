import { describe, expect, test } from '@jest/globals';
import type { KafkaMessage } from 'kafkajs';

import { toMessage, toStoredRecord } from './record.ts';

function message(
  headers: Readonly<Record<string, string | string[]>>,
  value: string | null = '{"a":"2"}',
  key: string | null = null,
): KafkaMessage {
  const buffers = Object.entries(headers).map(([name, texts]) => [
    name,
    Array.isArray(texts) ? texts.map((text) => Buffer.from(text)) : Buffer.from(texts),
  ]);
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp: String(Date.UTC(2026, 0, 2, 3, 4, 5, 100)),
    attributes: 0,
    offset: '7',
    headers: Object.fromEntries(buffers) as NonNullable<KafkaMessage['headers']>,
  };
}

const event = { ce_specversion: '1.0', ce_id: 'i', ce_source: '/s', ce_type: 't' };
const read = (...given: Parameters<typeof message>) => toStoredRecord('sums', 3, message(...given));

describe('a CloudEvent in binary mode', () => {
  test('keeps its attributes, its content type, its trace and its bytes', () => {
    const headers = { ...event, 'content-type': 'application/json', ce_subject: 'sales', traceparent: 'x' };
    expect(read(headers, '{"a":1.50}', 'k')).toEqual({
      partition: 3,
      offset: 7,
      timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 100),
      key: 'k',
      headers,
      value: Buffer.from('{"a":1.50}'),
    });
  });

  test('loses what is no attribute, has its time in the shortest form, and of a doubled header the last one', () => {
    const { headers } = read({
      ...event,
      ce_id: ['first', 'last'],
      ce_time: '2026-01-02T03:04:05.000+00:00',
      other: 'x',
    });
    expect(headers).toEqual({ ...event, ce_id: 'last', ce_time: '2026-01-02T03:04:05Z' });
  });

  test('may be without data', () => {
    expect(read(event, null)).toMatchObject({ headers: event, value: null });
  });
});

test('a CloudEvent in structured mode becomes a binary one, its data serialised again', () => {
  const text =
    '{"specversion":"1.0","id":"i","source":"/s","type":"t","datacontenttype":"a/json","data":{"a":1.50}}';
  expect(read({ 'content-type': 'application/cloudevents+json; charset=utf-8' }, text)).toMatchObject({
    headers: { ...event, 'content-type': 'a/json' },
    value: Buffer.from('{"a":1.5}'),
  });
});

describe('what is no valid CloudEvent becomes an event of its own', () => {
  const wrapped = {
    ce_specversion: '1.0',
    ce_id: 'partition:3/offset:7',
    ce_source: '/apis/v1/namespaces/default/kafkasources/sums#sums',
    ce_type: 'dev.knative.kafka.event',
    ce_subject: 'partition:3#7',
    ce_time: '2026-01-02T03:04:05.1Z',
  };

  test('with its key, its headers as attributes and its content type in lower case', () => {
    expect(read({ 'X-Team_1': 'shop', 'content-type': 'Text/Plain' }, 'hello', 'k')).toMatchObject({
      key: 'k',
      headers: {
        ...wrapped,
        ce_partitionkey: 'k',
        ce_key: 'k',
        ce_kafkaheaderxteam1: 'shop',
        'content-type': 'text/plain',
      },
      value: Buffer.from('hello'),
    });
  });

  test.each(['-1', '253402300800000', '9223372036854775807'])('at the odd time %s', (timestamp) => {
    const record = toStoredRecord('sums', 3, { ...message({}), timestamp });
    expect(record.headers['ce_type']).toBe('dev.knative.kafka.event');
    expect(record.headers['ce_time']).toBe(timestamp === '-1' ? '1969-12-31T23:59:59.999Z' : undefined);
  });

  test('without key and headers', () => {
    expect(read({}, null)).toMatchObject({ key: null, headers: wrapped, value: null });
  });

  test.each<[string, Record<string, string>, string]>([
    ['no id', { ce_specversion: '1.0', ce_source: '/s', ce_type: 't' }, ''],
    ['no specversion', { ce_id: 'i', ce_source: '/s', ce_type: 't' }, 'i'],
    ['a bad time', { ...event, ce_time: 'yesterday' }, 'i'],
    ['a bad name', { ...event, ce_Bad_Name: 'x' }, 'i'],
    ['a batch', { ...event, 'content-type': 'application/cloudevents-batch+json' }, 'i'],
    ['a broken structured body', { ...event, 'content-type': 'application/cloudevents+json' }, 'i'],
  ])('%s: its own id is in kafkaheaderceid', (_what, headers, id) => {
    const record = read(headers, '[');
    expect(record.headers).toMatchObject(wrapped);
    expect(record.headers['ce_kafkaheaderceid'] ?? '').toBe(id);
    expect(record.headers['content-type']).toBe(headers['content-type']);
  });
});

test('a header without a value, which Kafka allows and kafkajs gives as null, is left out', () => {
  const record = message({ ...event, none: 'x', twice: ['a', 'b'] });
  const headers = { ...record.headers, none: null, twice: [null] } as unknown as KafkaMessage['headers'];
  expect(toStoredRecord('sums', 3, { ...record, headers } as KafkaMessage).headers).toEqual(event);
});

test('a record on its way into Kafka keeps the order of its headers, its bytes and its key', () => {
  const headers = { ce_specversion: '1.0', ce_id: 'i', 'content-type': 'a/b', ce_z: '1', ce_a: '2' };
  const { value, ...rest } = toMessage({ key: 'k', headers, value: new Uint8Array([1, 2]) });
  expect(Object.keys(rest.headers)).toEqual(Object.keys(headers));
  expect(rest).toEqual({ key: 'k', headers });
  expect(value).toEqual(Buffer.from([1, 2]));
  expect(toMessage({ key: null, headers, value: null })).toMatchObject({ key: null, value: null });
});
