import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../lib/errors.ts';
import { readEvent } from './cloud-event.ts';

const binary = { 'ce-specversion': '1.0', 'ce-id': '7', 'ce-source': '/s', 'ce-type': 't' };
const attributes = { ce_specversion: '1.0', ce_id: '7', ce_source: '/s', ce_type: 't' };
const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };

/** The record of a structured event with these members beside the required ones. */
function readStructured(members: string) {
  const body = `{"specversion":"1.0","id":"7","source":"/s","type":"t"${members === '' ? '' : `,${members}`}}`;
  const record = readEvent(structured, Buffer.from(body));
  return { ...record, value: record.value === null ? null : Buffer.from(record.value).toString() };
}

describe('a binary event', () => {
  test('keeps its bytes as they are and its attributes as ce_ headers', () => {
    const body = Buffer.from('{ "a": 1.50 , "a":"\\u00e9" }');
    const record = readEvent(
      {
        ...binary,
        'content-type': 'Application/JSON',
        'ce-time': '2026-01-02T03:04:05.120Z',
        'ce-ext1': '',
        host: 'h',
      },
      body,
    );
    expect(record).toEqual({
      key: null,
      headers: {
        ...attributes,
        'content-type': 'Application/JSON',
        ce_time: '2026-01-02T03:04:05.12Z',
        ce_ext1: '',
      },
      value: body,
    });
  });

  test('has its partition key as the key and still as an attribute', () => {
    const { key, headers } = readEvent({ ...binary, 'ce-partitionkey': 'p' }, Buffer.alloc(0));
    expect({ key, attribute: headers['ce_partitionkey'] }).toEqual({ key: 'p', attribute: 'p' });
  });

  test('keeps the bytes of UTF-8 in its attributes, of which some are control characters in Latin-1', () => {
    const subject = Buffer.from('→').toString('latin1');
    const { headers } = readEvent({ ...binary, 'ce-subject': subject }, Buffer.alloc(0));
    expect(headers['ce_subject']).toBe(subject);
  });

  test('without data has no value', () => {
    expect(readEvent(binary, Buffer.alloc(0)).value).toBeNull();
  });

  test('keeps the trace but not the span of its trace context', () => {
    const trace = 'a'.repeat(32);
    const span = 'b'.repeat(16);
    const { headers } = readEvent(
      { ...binary, traceparent: `00-${trace}-${span}-01`, tracestate: 's=1', baggage: 'b=2' },
      Buffer.alloc(0),
    );
    expect(headers).toMatchObject({ tracestate: 's=1', baggage: 'b=2' });
    expect(headers['traceparent']).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    expect(headers['traceparent']).not.toContain(span);
  });

  test('loses a trace context that is none', () => {
    const { headers } = readEvent({ ...binary, traceparent: 'nonsense', tracestate: 's=1' }, Buffer.alloc(0));
    expect(headers).toEqual(attributes);
  });
});

describe('a structured event', () => {
  test('may have a control character in its data and any other character in its attributes', () => {
    const { headers, value } = readStructured('"subject":" ~\u00a0é→😀","data":"a\\nb"');
    expect({ subject: headers['ce_subject'], value }).toEqual({
      subject: ' ~\u00a0é→😀',
      value: '"a\\nb"',
    });
  });

  test.each([
    [
      '"data":{"a":1.50,"n":123456789012345678901234567890,"a":2.0}',
      '{"a":2,"n":123456789012345678901234567890}',
    ],
    ['"data":"text"', '"text"'],
    ['"data":"text","datacontenttype":"text/plain"', 'text'],
    ['"data_base64":"AAEC"', '\0\x01\x02'],
    ['"data":[1, 2]', '[1,2]'],
    ['', null],
  ])('with %s has the value %j', (members, value) => {
    expect(readStructured(members).value).toBe(value);
  });

  test('has its attributes as text, none for null', () => {
    const { headers } = readStructured(
      '"datacontenttype":"application/json","n":5,"b":true,"big":12345678901234567890,"gone":null,"data":1',
    );
    expect(headers).toEqual({
      ...attributes,
      'content-type': 'application/json',
      ce_n: '5',
      ce_b: 'true',
      ce_big: '12345678901234567890',
    });
  });
});

describe('refused with 400', () => {
  test.each([
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, '[]'],
    ['an unknown format', { 'content-type': 'application/cloudevents+xml' }, '<event/>'],
    ['no event', { 'content-type': 'application/json' }, '{}'],
    ['broken JSON', structured, '{'],
    ['JSON that is no object', structured, '[]'],
    ['a number for an id', structured, '{"specversion":"1.0","id":7,"source":"/s","type":"t"}'],
    [
      'an object for an extension',
      structured,
      '{"specversion":"1.0","id":"7","source":"/s","type":"t","x":{}}',
    ],
    [
      'data twice',
      structured,
      '{"specversion":"1.0","id":"7","source":"/s","type":"t","data":1,"data_base64":"AA=="}',
    ],
    ['a structured event without id', structured, '{"specversion":"1.0","source":"/s","type":"t"}'],
  ])('%s', (_what, headers, body) => {
    expect(() => readEvent(headers, Buffer.from(body))).toThrow(AppError);
  });

  test.each(
    ['\\u0000', '\\n', '\\t', '\\u001f', '\\u007f', '\\u0080', '\\u009f'].flatMap((character) =>
      ['subject', 'datacontenttype', 'partitionkey', 'ext1'].map((name) => `"${name}":"a${character}b"`),
    ),
  )('a structured event with the control character in %s', (member) => {
    expect(() => readStructured(member)).toThrow(/no control character/);
  });

  test.each(['id', 'type'])('a structured event with a control character in its %s', (name) => {
    const body = JSON.stringify({ specversion: '1.0', id: '7', source: '/s', type: 't', [name]: 'a\nb' });
    expect(() => readEvent(structured, Buffer.from(body))).toThrow(/no control character/);
  });

  test.each(['ce-specversion', 'ce-id', 'ce-source', 'ce-type'])('a binary event without %s', (name) => {
    const headers: Record<string, string> = { ...binary };
    Reflect.deleteProperty(headers, name);
    expect(() => readEvent(headers, Buffer.alloc(0))).toThrow(AppError);
  });
});
