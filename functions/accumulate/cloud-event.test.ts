import { describe, expect, test } from '@jest/globals';
import { CloudEvent, HTTP } from 'cloudevents';
import fc from 'fast-check';

import { AppError } from '../../lib/errors.ts';
import { structuredEvent, sumEvent } from '../../test/sum-event.ts';
import { parseRequest } from './cloud-event.ts';
import type { Entry } from './ledger/entry.ts';

const maxBatchEvents = 5;
const structuredType = 'application/cloudevents+json';
const batchType = 'application/cloudevents-batch+json';

type Headers = Readonly<Record<string, string | undefined>>;

/** What Node makes of headers: lower-case names, no undefined ones. */
function parse(headers: Headers, body: string | Buffer): Entry[] {
  const entries = Object.entries(headers).filter(([, value]) => value !== undefined);
  const lowered = Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]));
  return parseRequest(lowered, Buffer.from(body as string), maxBatchEvents);
}

/** A right event in binary mode with some headers replaced or, as undefined, taken away. */
function parseBinary(changes: Headers = {}, body?: string | Buffer): Entry[] {
  const event = sumEvent('x', '2', { b: '3', sum: '5' });
  return parse({ ...event.headers, ...changes }, body ?? event.body);
}

/** A right event in structured mode with some members replaced or, as undefined, taken away. */
function parseStructured(
  changes: Readonly<Record<string, unknown>> = {},
  contentType = structuredType,
): Entry[] {
  const event = { ...structuredEvent('x', '2', { b: '3', sum: '5' }), ...changes };
  return parse({ 'content-type': contentType }, JSON.stringify(event));
}

function parseBatch(events: unknown): Entry[] {
  return parse({ 'content-type': batchType }, JSON.stringify(events));
}

function refusal(attempt: () => unknown): AppError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('was taken');
}

const fieldsOf = (error: AppError): string[] => error.violations.map(({ field }) => field);

const entry: Entry = {
  source: '/functions/add',
  id: 'x',
  total: 'default' as Entry['total'],
  a: '2',
  b: '3',
  sum: { units: 5n, scale: 0 },
  time: null,
};

describe('an event in binary mode', () => {
  test('becomes an entry with canonical operands', () => {
    expect(parseBinary()).toEqual([entry]);
    expect(parseBinary({}, '{"a":"02.0","b":"3.00","sum":"5.0"}')).toEqual([entry]);
  });

  test('gives its subject as the total and its time in milliseconds', () => {
    expect(parseBinary({ 'ce-subject': 'sales', 'ce-time': '2026-01-02T03:04:05.067Z' })).toEqual([
      { ...entry, total: 'sales', time: Date.UTC(2026, 0, 2, 3, 4, 5, 67) },
    ]);
  });

  test('may have extensions, other headers and other members of the data', () => {
    const more = { 'ce-partitionkey': 'x', 'ce-dataschema': 'urn:x', traceparent: '00-x', prefer: 'reply' };
    expect(parseBinary(more, '{"a":"2","b":"3","sum":"5","note":{"a":"9"}}')).toEqual([entry]);
  });

  test.each([
    ['application/json'],
    ['application/json; charset=utf-8'],
    ['APPLICATION/JSON'],
    ['application/vnd.tally+json'],
  ])('has data of type %s', (contentType) => {
    expect(parseBinary({ 'content-type': contentType })).toEqual([entry]);
  });

  test.each([['text/plain'], ['text/json'], ['application/xml'], ['application/jsonp'], ['json'], ['']])(
    'of type %s is refused as a media type',
    (contentType) => {
      expect(refusal(() => parseBinary({ 'content-type': contentType }))).toMatchObject({
        code: 'unsupported-media-type',
      });
    },
  );

  test('without a content type is JSON, as a structured event without one is when the log delivers it', () => {
    expect(parseBinary({ 'content-type': undefined })).toEqual([entry]);
  });

  test('is read as UTF-8, with or without a byte order mark', () => {
    expect(parseBinary({}, '\ufeff{"a":"2","b":"3","sum":"5"}')).toEqual([entry]);
  });
});

describe('an event in structured mode', () => {
  test('is read the same as in binary mode', () => {
    expect(parseStructured()).toEqual(parseBinary());
    expect(parseStructured({}, `${structuredType}; charset=UTF-8`)).toEqual([entry]);
  });

  test.each([
    ['subject', 'ce-subject', 'sales'],
    ['time', 'ce-time', '2026-01-02T03:04:05+01:00'],
    ['id', 'ce-id', 'a%20b"c"'],
    ['source', 'ce-source', 'urn:x'],
  ])('%s is read the same as in binary mode', (attribute, header, value) => {
    expect(parseStructured({ [attribute]: value })).toEqual(parseBinary({ [header]: value }));
  });

  test('an optional attribute that is null is unset', () => {
    expect(parseStructured({ subject: null, time: null, datacontenttype: null })).toEqual([entry]);
  });

  test('its data may be JSON in base64', () => {
    const base64 = Buffer.from('{"a":"2","b":"3","sum":"5"}').toString('base64');
    expect(parseStructured({ data: undefined, data_base64: base64 })).toEqual([entry]);
  });

  test.each([
    ['base64 that is no JSON', { data: undefined, data_base64: '%%%' }, 'data_base64 is not JSON in UTF-8'],
    ['base64 that is no text', { data: undefined, data_base64: 5 }, 'data_base64 must be text'],
    ['data in both forms', { data_base64: 'e30=' }, 'data_base64 must be text and the only data'],
  ])('%s is invalid', (_, changes, message) => {
    expect(refusal(() => parseStructured(changes))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(message),
    });
  });

  test.each([['text/plain'], ['application/xml'], [''], [5], [{}]])(
    'a datacontenttype %j is refused as a media type',
    (datacontenttype) => {
      expect(refusal(() => parseStructured({ datacontenttype })).code).toBe('unsupported-media-type');
    },
  );

  test.each([['[]'], ['null'], ['"event"'], ['5'], ['[{}]']])('%s is no event', (body) => {
    expect(refusal(() => parse({ 'content-type': structuredType }, body))).toMatchObject({
      code: 'invalid',
      message: 'event must be a JSON object',
    });
  });

  test('is not taken in another format than JSON', () => {
    for (const type of [
      'application/cloudevents',
      'application/cloudevents+avro',
      'application/cloudevents+xml',
    ]) {
      expect(refusal(() => parseStructured({}, type)).code).toBe('unsupported-media-type');
    }
  });
});

describe('a batch', () => {
  test('gives its events in order', () => {
    const events = ['1', '2', '3'].map((a) => structuredEvent(`id-${a}`, a, { total: `t${a}` }));
    expect(parseBatch(events).map(({ id, a, total }) => [id, a, total])).toEqual([
      ['id-1', '1', 't1'],
      ['id-2', '2', 't2'],
      ['id-3', '3', 't3'],
    ]);
  });

  test('may be empty', () => {
    expect(parseBatch([])).toEqual([]);
  });

  test('has at most the permitted number of events', () => {
    const events = (count: number) =>
      Array.from({ length: count }, (_, i) => structuredEvent(`id-${i}`, '1'));
    expect(parseBatch(events(maxBatchEvents))).toHaveLength(maxBatchEvents);
    expect(refusal(() => parseBatch(events(maxBatchEvents + 1)))).toMatchObject({
      code: 'too-large',
      message: 'a batch may have at most 5 events, this has 6',
    });
  });

  test.each([[{}], [null], ['x'], [structuredEvent('x', '1')]])('%j is none', (value) => {
    expect(refusal(() => parseBatch(value))).toMatchObject({
      code: 'invalid',
      message: 'a batch is a JSON array of events',
    });
  });

  test.each([
    ['an operand', structuredEvent('y', '1,5'), ['events[1].data.a', 'events[1].data.sum']],
    ['an id', structuredEvent('', '1'), ['events[1].id']],
    ['a type', { ...structuredEvent('y', '1'), type: 'other' }, ['events[1].type']],
    ['no object', null, ['events[1]']],
    ['no object but a list', [], ['events[1]']],
    ['two kinds of data', { ...structuredEvent('y', '1'), data_base64: 'e30=' }, ['events[1].data_base64']],
  ])('a wrong event in it (%s) is named by its place', (_, wrong, fields) => {
    const error = refusal(() => parseBatch([structuredEvent('x', '1'), wrong, structuredEvent('z', '1')]));
    expect(error.code).toBe('invalid');
    expect(fieldsOf(error)).toEqual(fields);
    expect(error.message).toContain(fields[0]);
  });

  test('a wrong content type in it is named by its place', () => {
    const wrong = { ...structuredEvent('y', '1'), datacontenttype: 'text/plain' };
    expect(refusal(() => parseBatch([structuredEvent('x', '1'), wrong]))).toMatchObject({
      code: 'unsupported-media-type',
      message: 'events[1].data must be application/json, was "text/plain"',
    });
  });

  test('one that was cut off gives nothing', () => {
    const whole = JSON.stringify([structuredEvent('x', '1'), structuredEvent('y', '1')]);
    for (let length = 0; length < whole.length; length++) {
      const error = refusal(() => parse({ 'content-type': batchType }, whole.slice(0, length)));
      expect(error.code).toBe('invalid');
    }
  });
});

describe('I2: the identity of an event is what was sent, never a fresh one', () => {
  const bad: readonly [string, string | undefined][] = [
    ['missing', undefined],
    ['empty', ''],
    ['blank', ' '],
    ['beginning with a blank', ' x'],
    ['ending with a blank', 'x '],
    ['with a control character', 'x\u0007y'],
    ['of two lines', 'x\ny'],
    ['not ASCII', 'größe'],
    ['too long', 'x'.repeat(1_025)],
  ];
  describe.each([['id'], ['source']])('%s', (attribute) => {
    test.each(bad)('%s is invalid in either mode', (_, value) => {
      for (const attempt of [
        () => parseBinary({ [`ce-${attribute}`]: value }),
        () => parseStructured({ [attribute]: value }),
      ]) {
        const error = refusal(attempt);
        expect(error.code).toBe('invalid');
        expect(fieldsOf(error)).toEqual([attribute]);
      }
    });

    test.each([[null], [5], [{}], [['x']], [true]])('%j instead of text is invalid', (value) => {
      expect(fieldsOf(refusal(() => parseStructured({ [attribute]: value })))).toEqual([attribute]);
    });

    test.each(['a b', 'dup, dup', ' x'])(
      '%j, which another way would bring as other text, is invalid',
      (value) => {
        expect(fieldsOf(refusal(() => parseStructured({ [attribute]: value })))).toEqual([attribute]);
        expect(fieldsOf(refusal(() => parseBinary({ [`ce-${attribute}`]: value })))).toEqual([attribute]);
      },
    );

    test('is taken as it is, up to 1,024 characters', () => {
      for (const value of ['x', 'a/b', '~!"%41', 'x'.repeat(1_024)]) {
        expect(parseBinary({ [`ce-${attribute}`]: value })).toEqual([{ ...entry, [attribute]: value }]);
        expect(parseStructured({ [attribute]: value })).toEqual([{ ...entry, [attribute]: value }]);
      }
    });
  });
});

test('I2: a UUID of the add function is the same event in either case', () => {
  const attributes = { source: '/functions/add', id: '5F0C1E9A-3F0E-4C1B-9D2E-0A1B2C3D4E5F' };
  const [read] = parseStructured(attributes);
  expect(read?.id).toBe(attributes.id.toLowerCase());
});

describe('attributes', () => {
  test.each([
    ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02t03:04:05z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.1Z', Date.UTC(2026, 0, 2, 3, 4, 5, 100)],
    ['2026-01-02T03:04:05.12Z', Date.UTC(2026, 0, 2, 3, 4, 5, 120)],
    ['2026-01-02T03:04:05.123456789Z', Date.UTC(2026, 0, 2, 3, 4, 5, 123)],
    ['2026-01-02T03:04:05+00:00', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05-00:00', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.5+05:30', Date.UTC(2026, 0, 1, 21, 34, 5, 500)],
    ['2024-02-29T23:59:59-12:00', Date.UTC(2024, 2, 1, 11, 59, 59)],
  ])('the time %s', (time, ms) => {
    expect(parseBinary({ 'ce-time': time })).toEqual([{ ...entry, time: ms }]);
  });

  test.each([
    [''],
    ['now'],
    ['2026-01-02'],
    ['2026-01-02T03:04:05'],
    ['2026-01-02 03:04:05Z'],
    ['2026-01-02T03:04Z'],
    ['2026-01-02T03:04:05,5Z'],
    ['2026-01-02T03:04:05.Z'],
    ['2026-01-02T03:04:05+0100'],
    ['2026-01-02T03:04:05+24:00'],
    ['2026-01-02T24:00:00Z'],
    ['2026-01-02T03:60:05Z'],
    ['2026-01-02T03:04:60Z'],
    ['2026-02-29T03:04:05Z'],
    ['2026-04-31T03:04:05Z'],
    ['2026-13-01T03:04:05Z'],
    ['2026-00-01T03:04:05Z'],
    ['2026-01-00T03:04:05Z'],
    ['+002026-01-02T03:04:05Z'],
    ['1767323045000'],
    ['Fri, 02 Jan 2026 03:04:05 GMT'],
  ])('%j is no time', (time) => {
    const error = refusal(() => parseBinary({ 'ce-time': time }));
    expect(fieldsOf(error)).toEqual(['time']);
    expect(error.message).toContain('must be an RFC 3339 time with zone');
  });

  test('a time that is no text is invalid', () => {
    expect(fieldsOf(refusal(() => parseStructured({ time: 1767323045000 })))).toEqual(['time']);
  });

  test.each([['0.3'], ['1'], ['1.1'], ['2.0'], [''], [1.0], [null]])(
    'the specversion %j is refused',
    (specversion) => {
      expect(fieldsOf(refusal(() => parseStructured({ specversion })))).toEqual(['specversion']);
    },
  );

  test('without the header ce-specversion it is no event', () => {
    const message = 'no CloudEvent: the header ce-specversion is missing';
    expect(refusal(() => parseBinary({ 'ce-specversion': undefined }))).toMatchObject({
      code: 'invalid',
      message,
    });
    expect(refusal(() => parse({}, ''))).toMatchObject({ code: 'invalid', message });
  });

  test.each([['Sales'], ['a/b'], ['-'], ['a'.repeat(64)], ['partition:0#5']])(
    'the subject %j names no total',
    (subject) => {
      expect(fieldsOf(refusal(() => parseBinary({ 'ce-subject': subject })))).toEqual(['subject']);
    },
  );

  test('an empty subject means the default total', () => {
    expect(parseBinary({ 'ce-subject': '' })).toEqual([entry]);
  });

  test('an event of another type is refused for its type alone', () => {
    for (const type of ['dev.tally.sum.v2', 'DEV.TALLY.SUM.V1', 'dev.tally.sum.v1 ', '', undefined]) {
      const error = refusal(() =>
        parseBinary({ 'ce-type': type, 'ce-id': '', 'ce-subject': '?' }, 'no JSON'),
      );
      expect(fieldsOf(error)).toEqual(['type']);
      expect(error.message).toContain('must be dev.tally.sum.v1, was');
    }
  });
});

describe('data', () => {
  test.each([
    ['null', 'null', ['data', 'data.a', 'data.b', 'data.sum']],
    ['a list', '["2","3","5"]', ['data', 'data.a', 'data.b', 'data.sum']],
    ['text', '"5"', ['data', 'data.a', 'data.b', 'data.sum']],
    ['no operands', '{}', ['data.a', 'data.b', 'data.sum']],
    ['numbers', '{"a":2,"b":3,"sum":5}', ['data.a', 'data.b', 'data.sum']],
    ['null operands', '{"a":null,"b":null,"sum":null}', ['data.a', 'data.b', 'data.sum']],
    ['no sum', '{"a":"2","b":"3"}', ['data.sum']],
    ['a sum that is not a + b', '{"a":"2","b":"3","sum":"6"}', ['data.sum']],
    ['a sum that is nearly a + b', '{"a":"0.1","b":"0.2","sum":"0.30000000000000004"}', ['data.sum']],
    ['an exponent', '{"a":"1e999999999","b":"0","sum":"0"}', ['data.a']],
    [
      'operands by way of __proto__',
      '{"__proto__":{"a":"2","b":"3","sum":"5"}}',
      ['data.a', 'data.b', 'data.sum'],
    ],
    ['a lone surrogate', '{"a":"\\ud800","b":"3","sum":"5"}', ['data.a']],
    [
      'an object that cannot be converted to text',
      '{"a":{"toString":1,"valueOf":1},"b":"3","sum":"5"}',
      ['data.a'],
    ],
    ['1,001 digits', `{"a":"${'1'.repeat(1_001)}","b":"3","sum":"5"}`, ['data.a']],
  ])('%s is invalid, and every field that is wrong is named', (_, body, fields) => {
    const error = refusal(() => parseBinary({}, body));
    expect(error).toMatchObject({ code: 'invalid', retryable: false });
    expect(fieldsOf(error)).toEqual(fields);
    expect(error.message).toBe(error.violations.map((v) => `${v.field} ${v.description}`).join('; '));
    expect(error.message.length).toBeLessThan(1_000);
  });

  test('every wrong attribute and operand is named at once', () => {
    const headers = {
      'ce-specversion': '0.3',
      'ce-id': '',
      'ce-source': '',
      'ce-subject': '?',
      'ce-time': '?',
    };
    const error = refusal(() => parseBinary(headers, '{"a":"x","b":"3","sum":"5"}'));
    expect(fieldsOf(error)).toEqual(['specversion', 'id', 'source', 'subject', 'time', 'data.a']);
  });

  test('I3: the longest operands are added exactly', () => {
    const [a, b] = ['9'.repeat(1_000), `9.${'9'.repeat(999)}`];
    const sum = `1${'0'.repeat(999)}8.${'9'.repeat(999)}`;
    expect(parseBinary({}, JSON.stringify({ a, b, sum }))).toMatchObject([{ a, b }]);
  });

  test.each([
    ['no JSON', Buffer.from('a=2&b=3')],
    ['nothing', Buffer.alloc(0)],
    ['JSON that was cut off', Buffer.from('{"a":"2","b":"3","sum":"5"')],
    ['two JSON values', Buffer.from('{"a":"2","b":"3","sum":"5"}{}')],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d])],
    ['UTF-8 that was cut off', Buffer.from([0x22, 0xe2, 0x82])],
    ['UTF-16', Buffer.from('\ufeff{"a":"2","b":"3","sum":"5"}', 'utf16le')],
    ['an unescaped control character', Buffer.from('{"a":"2\n","b":"3","sum":"5"}')],
  ])('a body that is %s is invalid, and leaves no trace in the next', (_, body) => {
    const error = refusal(() => parseBinary({}, body));
    expect(error.code).toBe('invalid');
    expect(error.message).toMatch(/^the body is not JSON in UTF-8: /);
    expect(parseBinary()).toEqual([entry]);
  });

  test('nesting deeper than the stack is invalid', () => {
    const deep = '['.repeat(300_000) + ']'.repeat(300_000);
    expect(refusal(() => parseBinary({}, deep)).code).toBe('invalid');
    expect(fieldsOf(refusal(() => parseBinary({}, `{"a":${deep},"b":"3","sum":"3"}`)))).toEqual(['data.a']);
    const event = JSON.stringify({ ...structuredEvent('x', '2'), type: 0 }).replace(
      '"type":0',
      `"type":${deep}`,
    );
    expect(fieldsOf(refusal(() => parse({ 'content-type': structuredType }, event)))).toEqual(['type']);
  });
});

describe('as the CloudEvents SDK sends it', () => {
  const attributes = {
    id: 'B234-1234',
    source: '/mycontext',
    type: 'dev.tally.sum.v1',
    subject: 'sales',
    time: '2026-01-02T03:04:05.67Z',
    datacontenttype: 'application/json',
    comexampleextension: 'value',
  };
  const event = new CloudEvent({ ...attributes, data: { a: '0.10', b: '-2', sum: '-1.9' } });
  const expected = {
    id: 'B234-1234',
    source: '/mycontext',
    total: 'sales',
    a: '0.1',
    b: '-2',
    sum: { units: -19n, scale: 1 },
    time: Date.UTC(2026, 0, 2, 3, 4, 5, 670),
  };

  test.each([
    ['binary', HTTP.binary(event)],
    ['structured', HTTP.structured(event)],
  ])('an event in %s mode is read', (_, { headers, body }) => {
    expect(parse(headers as Headers, body as string)).toEqual([expected]);
  });

  test('its data may be bytes, which go as base64', () => {
    const data = Buffer.from('{"a":"0.10","b":"-2","sum":"-1.9"}');
    const { headers, body } = HTTP.structured(new CloudEvent({ ...attributes, data: Uint8Array.from(data) }));
    expect(body).toContain('data_base64');
    expect(parse(headers as Headers, body as string)).toEqual([expected]);
  });
});

describe('as a KafkaSource delivers it', () => {
  /** What it adds to every record. */
  const delivery = {
    'user-agent': 'Vert.x-WebClient/4.5.14',
    Prefer: 'reply',
    'Kn-Namespace': 'default',
    host: 'accumulate.default.svc.cluster.local',
    'ce-knativekafkapartition': '3',
    'ce-knativekafkaoffset': '41',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  };
  const body = '{"a":"2","b":"3","sum":"5"}';
  const recordTime = '2026-01-02T03:04:05.12Z';

  test('an event of the add function', () => {
    const id = '7d8f4f3a-2f59-4a8e-9d43-1f1f6f0c2b11';
    const headers = {
      ...delivery,
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-source': '/functions/add',
      'ce-type': 'dev.tally.sum.v1',
      'content-type': 'application/json',
      'ce-dataschema': 'urn:tally:schema:sum.v1',
      'ce-subject': 'default',
      'ce-time': recordTime,
      'ce-partitionkey': id,
      'ce-traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'content-length': String(body.length),
    };
    expect(parse(headers, body)).toEqual([{ ...entry, id, time: Date.UTC(2026, 0, 2, 3, 4, 5, 120) }]);
  });

  /** A record that was no CloudEvent, or none that it could read. */
  const plain = {
    ...delivery,
    'ce-specversion': '1.0',
    'ce-id': 'partition:3/offset:41',
    'ce-source': '/apis/v1/namespaces/default/kafkasources/sums#sums',
    'ce-type': 'dev.knative.kafka.event',
    'ce-subject': 'partition:3#41',
    'ce-time': recordTime,
  };

  test.each<[string, Headers, string]>([
    ['a plain record', { ...plain, 'content-type': 'application/json' }, body],
    ['a plain record without content type', plain, body],
    [
      'an event whose id was missing',
      { ...plain, 'content-type': 'application/json', 'ce-kafkaheaderceid': '' },
      body,
    ],
  ])('%s is refused for its type, never counted under the id that its place gave it', (_, headers, data) => {
    expect(fieldsOf(refusal(() => parse(headers, data)))).toEqual(['type']);
  });

  test.each([
    ['structured', structuredType, structuredEvent('x', '2')],
    ['batch', batchType, [structuredEvent('x', '2')]],
  ])(
    'a %s record keeps its content type beside the ce- headers, and is read in neither way',
    (_, type, value) => {
      const error = refusal(() => parse({ ...plain, 'content-type': type }, JSON.stringify(value)));
      expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('claims to be both') });
    },
  );
});

describe('whatever comes', () => {
  const contentTypes = [
    structuredType,
    batchType,
    'application/json',
    'application/cloudevents+xml',
    'text/plain',
    '',
  ];
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>('2', '3', '5', '1.0', 'x', 'dev.tally.sum.v1', '2026-01-02T03:04:05Z', 5, null),
    fc
      .constantFrom('{"toString":1,"valueOf":1}', '{"__proto__":{"a":"1"}}')
      .map((text): unknown => JSON.parse(text)),
  );
  const data = fc.oneof(value, fc.record({ a: value, b: value, sum: value }, { requiredKeys: [] }));
  const attributes = fc.record(
    {
      specversion: fc.oneof(fc.constant('1.0'), value),
      id: value,
      source: value,
      type: fc.oneof({ weight: 9, arbitrary: fc.constant('dev.tally.sum.v1') }, value),
      subject: value,
      time: value,
      datacontenttype: fc.oneof(fc.constant('application/json'), value),
      data,
      data_base64: value,
    },
    { requiredKeys: ['type'] },
  );

  /** Entries, or the code of the AppError; anything else that is thrown fails the test. */
  function outcome(attempt: () => Entry[]): Entry[] | string {
    try {
      return attempt();
    } catch (error) {
      if (error instanceof AppError) return error.code;
      throw error;
    }
  }

  const known = ['invalid', 'unsupported-media-type', 'too-large'];
  const isExpected = (result: Entry[] | string): boolean =>
    typeof result === 'string'
      ? known.includes(result)
      : result.every(({ id, source }) => id.length > 0 && source.length > 0);

  test('any JSON as structured event or batch gives entries or an AppError', () => {
    const body = fc.oneof(attributes, fc.array(fc.oneof(attributes, value), { maxLength: 7 }), value);
    fc.assert(
      fc.property(fc.constantFrom(...contentTypes), body, (type, json) => {
        const result = outcome(() => parse({ 'content-type': type }, JSON.stringify(json)));
        expect(isExpected(result)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('any headers with any bytes give entries or an AppError', () => {
    const header = fc.option(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('1.0', 'dev.tally.sum.v1', 'x', '2026-01-02T03:04:05Z'),
      ),
      { nil: undefined },
    );
    const names = ['ce-specversion', 'ce-id', 'ce-source', 'ce-type', 'ce-subject', 'ce-time'];
    const headers = fc.record(Object.fromEntries(names.map((name) => [name, header])));
    const bytes = fc.oneof(
      fc.uint8Array().map((array) => Buffer.from(array)),
      data.map((json) => Buffer.from(JSON.stringify(json))),
    );
    fc.assert(
      fc.property(fc.constantFrom(...contentTypes), headers, bytes, (type, ce, body) => {
        const result = outcome(() => parse({ ...ce, 'content-type': type }, body));
        expect(isExpected(result)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
