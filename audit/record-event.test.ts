// The audit reads events with code of its own, and has to agree with accumulate on what is one, and on what it means.

import { createServer } from 'node:http';

import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { parseRequest } from '../functions/accumulate/cloud-event.ts';
import { closeServer, listen } from '../lib/http.ts';
import type { StoredRecord } from '../local/log/record.ts';
import { Subscriber } from '../local/log/subscriber.ts';
import { closeAfterTest } from '../test/test-log.ts';
import { readEvent, type SumEvent } from './record-event.ts';

const good: StoredRecord = {
  partition: 0,
  offset: 0,
  timeMs: 0,
  key: null,
  headers: {
    ce_specversion: '1.0',
    ce_id: '5F0C1E9A-3f0e-4c1b-9d2e-0a1b2c3d4e5f',
    ce_source: '/functions/add',
    ce_type: 'dev.tally.sum.v1',
    ce_subject: 'sales',
    ce_time: '2026-11-20T06:00:00.12Z',
    'content-type': 'application/json',
  },
  value: Buffer.from('{"a":"2","b":"0.10","sum":"2.1"}'),
};

/** What accumulate makes of a record that the log delivers: its own parser behind a real server. */
async function startAccumulate(): Promise<(record: StoredRecord) => Promise<SumEvent | undefined>> {
  let parsed: SumEvent | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      try {
        const [entry] = parseRequest(request.headers, Buffer.concat(chunks), 1);
        if (entry !== undefined) {
          const { source, id, total, a, b } = entry;
          parsed = { source, id, total, a, b };
        }
      } catch {
        // Refused.
      }
      response.end();
    });
  });
  const port = await listen(server, 0, '127.0.0.1');
  const subscriber = new Subscriber(new URL(`http://127.0.0.1:${port}/`), 10_000);
  closeAfterTest(async () => {
    await subscriber.close();
    await closeServer(server);
  });
  return async (record) => {
    parsed = undefined;
    await subscriber.deliver(record);
    return parsed;
  };
}

const blanks = fc.constantFrom('', '', '', ' ', '\t ', '  ');
const near = (...texts: string[]) =>
  fc.tuple(blanks, fc.constantFrom(...texts), blanks).map((parts) => parts.join(''));
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const headers: Readonly<Record<string, fc.Arbitrary<string>>> = {
  ce_specversion: near('1.0', '0.3', '1', ''),
  ce_id: fc.oneof(
    near('order-1', 'ORDER-1', 'ab€c', 'ä', '🙂', 'a b', '', 'x'.repeat(1_024), 'x'.repeat(1_025)),
    text,
  ),
  ce_source: fc.oneof(near('/my/shop', '/functions/add', '/Functions/add', ''), text),
  ce_type: near('dev.tally.sum.v1', 'dev.tally.sum.v2', 'Dev.tally.sum.v1', 'dev.knative.kafka.event', ''),
  ce_subject: fc.oneof(near('', 'a', 'default', 'A', '-a', 'a_b', 'a'.repeat(63), 'a'.repeat(64)), text),
  ce_time: fc.oneof(
    near(
      ...['2026-11-20T06:00:00Z', '2026-11-20t06:00:00z', '2026-02-29T06:00:00Z', '2024-02-29T06:00:00Z', ''],
      ...['2000-02-29T06:00:00Z', '1900-02-29T06:00:00Z', '0000-02-29T06:00:00Z', '2026-11-20T24:00:00Z'],
      ...['2026-11-20T06:00:60Z', '2026-11-20T06:60:00Z', '2026-13-20T06:00:00Z', '2026-00-20T06:00:00Z'],
      ...['2026-11-31T06:00:00Z', '2026-11-00T06:00:00Z', '2026-11-20T06:00:00', '2026-11-20 06:00:00Z'],
      ...['2026-11-20T06:00:00+23:59', '2026-11-20T06:00:00+24:00', '2026-11-20T06:00:00-01:60'],
      ...['2026-11-20T06:00:00.123456789Z', '2026-11-20T06:00:00.1234567891Z', '2026-11-20T06:00Z'],
    ),
    fc.stringMatching(/^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(Z|[+-][0-2]\d:[0-6]\d)$/),
  ),
  'content-type': near(
    ...['application/json; charset=utf-8', 'Application/JSON', 'application/vnd.a+json', 'application/+json'],
    ...[
      'text/plain',
      'application/cloudevents+json',
      'application/cloudevents-batch+json',
      'application/json5',
      '',
    ],
    ...[' ;application/json', 'application/x y+json', 'APPLICATION/CloudEvents+JSON; x=1'],
  ),
};

const operand = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '007',
    '1.50',
    '-0.0',
    '1e3',
    '',
    '+1',
    '.5',
    '5.',
    '1'.repeat(1_000),
    '1'.repeat(1_001),
  ),
  fc.constantFrom(`-0.${'1'.repeat(999)}`, `${'0'.repeat(999)}1`, `${'0'.repeat(1_000)}1`),
  fc.stringMatching(/^-?\d{1,30}(\.\d{1,30})?$/),
  fc.constantFrom<unknown>(1, null, true, [], { a: '1' }),
);
const value = fc.oneof(
  fc.tuple(operand, operand, operand).map(([a, b, sum]) => JSON.stringify({ a, b, sum })),
  // Right ones, written in some way.
  fc
    .tuple(fc.maxSafeInteger(), fc.nat(), fc.constantFrom('', '.0', '.000'))
    .map(([x, y, zeros]) =>
      JSON.stringify({ a: `${x}${zeros}`, b: `0${y}`, sum: `${BigInt(x) + BigInt(y)}${zeros}`, more: 1 }),
    ),
  fc.constantFrom(
    ...['', 'null', '[]', '"a"', '{', '{"a":"1","b":"1"}', '\ufeff{"a":"1","b":"1","sum":"2"}'],
    ...['{"a":"9","a":"1","b":"1","sum":"2"}', '{"a":"1","b":"1","sum":"2"} ', '{"__proto__":{"a":"1"}}'],
    `{"a":"${'1'.repeat(1_000)}","b":"0.${'1'.repeat(999)}","sum":"${'1'.repeat(1_000)}.${'1'.repeat(999)}"}`,
  ),
);

/** A good record with some of it put differently: as the log may hold it, which never lacks id, source and type. */
const record = fc
  .tuple(
    fc
      .subarray(Object.keys(headers), { maxLength: 2 })
      .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, headers[name] ?? text])))),
    fc.subarray(['ce_subject', 'ce_time', 'content-type'], { maxLength: 1 }),
    fc.option(
      fc.oneof(
        value.map((json) => Buffer.from(json)),
        fc.uint8Array({ maxLength: 6 }).map((b) => Buffer.from(b)),
      ),
    ),
    fc.boolean(),
  )
  .map(([changed, without, bytes, isGoodValue]) => {
    const kept = Object.entries({ ...good.headers, ...changed }).filter(([name]) => !without.includes(name));
    return { ...good, headers: Object.fromEntries(kept), value: isGoodValue ? good.value : bytes };
  });

test('a record is the event that accumulate makes of it when it is delivered, or none for both', async () => {
  const accumulate = await startAccumulate();
  expect(readEvent(good)).toEqual({
    source: '/functions/add',
    id: '5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f',
    total: 'sales',
    a: '2',
    b: '0.1',
  });
  let valid = 0;
  await fc.assert(
    fc.asyncProperty(record, async (made) => {
      const event = readEvent(made);
      if (event !== undefined) valid++;
      expect(event).toEqual(await accumulate(made));
    }),
    { numRuns: 3_000 },
  );
  expect(valid).toBeGreaterThan(100);
});

test.each(Object.keys(headers))('with any %s they agree', async (name) => {
  const accumulate = await startAccumulate();
  await fc.assert(
    fc.asyncProperty(headers[name] as fc.Arbitrary<string>, async (changed) => {
      const made = { ...good, headers: { ...good.headers, [name]: changed } };
      expect(readEvent(made)).toEqual(await accumulate(made));
    }),
    { numRuns: 300 },
  );
});

test('with any data they agree', async () => {
  const accumulate = await startAccumulate();
  await fc.assert(
    fc.asyncProperty(value, async (json) => {
      const made = { ...good, value: Buffer.from(json) };
      expect(readEvent(made)).toEqual(await accumulate(made));
    }),
    { numRuns: 1_000 },
  );
});
