// The schema of the event's data says what add writes and what accumulate takes, but for the sum's being right.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';
import type { SchemaObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';

import { parseRequest } from '../../functions/accumulate/cloud-event.ts';
import { addDecimals, parseDecimal } from '../../lib/decimal.ts';
import { AppError } from '../../lib/errors.ts';
import { dataSchema, encodeEvent, eventSource } from '../../lib/event.ts';
import { defaultTotal, parseRequestId } from '../../lib/names.ts';
import { sumEvent } from '../sum-event.ts';
import { root } from './kustomize.ts';

const schema = JSON.parse(readFileSync(join(root, 'kafka/sum.v1.schema.json'), 'utf8')) as SchemaObject;
const fits = new Ajv2020({ strict: true }).compile(schema);

/** Whether accumulate takes the data, a sum that is not a + b aside. */
function isTaken(data: unknown): boolean {
  const { headers } = sumEvent('x', '0');
  try {
    parseRequest(headers, Buffer.from(JSON.stringify(data)), 1);
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.violations.every(({ description }) => description.startsWith('must be a + b'));
  }
}

const digits = (count: number): string => '7'.repeat(count);

test('it has the name that events give it', () => {
  expect(schema).toMatchObject({ $id: dataSchema });
});

test('its examples are right and taken', () => {
  const { examples } = schema as { examples: Record<'a' | 'b' | 'sum', string>[] };
  for (const data of examples) {
    expect(fits(data)).toBe(true);
    const [entry] = parseRequest(sumEvent('x', '0').headers, Buffer.from(JSON.stringify(data)), 1);
    expect(entry).toMatchObject({ sum: parseDecimal(data.sum) });
  }
});

test.each([
  ['small ones', '2', '-0.10'],
  ['the longest ones', `-${digits(1)}.${digits(999)}`, digits(1000)],
  ['a sum with the most digits', digits(1000), `0.${digits(999)}`],
  ['a sum of nothing', '0.5', '-0.5'],
])('what add writes of %s fits', (_which, a, b) => {
  const operands = { a: parseDecimal(a), b: parseDecimal(b) };
  const requestId = parseRequestId('5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f');
  const sum = addDecimals(operands.a, operands.b);
  const { headers, body } = encodeEvent({ requestId, total: defaultTotal, ...operands }, sum, new Date());
  expect(fits(JSON.parse(body))).toBe(true);
  expect(parseRequest(headers, Buffer.from(body), 1)).toMatchObject([{ source: eventSource, sum }]);
});

test.each<[string, unknown]>([
  ['no object', ['2', '3', '5']],
  ['null', null],
  ['text', '2'],
  ['no members', {}],
  ['no sum', { a: '2', b: '3' }],
  ['null as an operand', { a: null, b: '3', sum: '5' }],
  ['a number', { a: 2, b: '3', sum: '5' }],
  ['a number as the sum', { a: '2', b: '3', sum: 5 }],
  ...[
    '',
    ' 2',
    '2\n',
    '+2',
    '--2',
    '2.',
    '.2',
    '2.3.4',
    '1e3',
    '0x2',
    '٢',
    'Infinity',
    '2,5',
    digits(1001),
  ].map((text): [string, unknown] => [
    `${JSON.stringify(text.slice(0, 9))} as an operand`,
    { a: text, b: '0', sum: text },
  ]),
  ['an operand with a point of 1,001 digits', { a: `${digits(1)}.${digits(1000)}`, b: '0', sum: '0' }],
  ['a negative operand of 1,001 digits', { a: `-${digits(1001)}`, b: '0', sum: '0' }],
  ['a negative operand with a point of 1,001 digits', { a: `-0.${digits(1000)}`, b: '0', sum: '0' }],
  ['a sum of 2,001 digits', { a: '0', b: '0', sum: digits(2001) }],
  ['a negative sum with a point of 2,001 digits', { a: '0', b: '0', sum: `-0.${digits(2000)}` }],
])('%s does not fit and is not taken', (_what, data) => {
  expect(fits(data)).toBe(false);
  expect(isTaken(data)).toBe(false);
});

test.each<[string, unknown]>([
  ['other members', { a: '2', b: '3', sum: '5', note: { a: 9 } }],
  ['zeros in front and behind', { a: '002.50', b: '-0.0', sum: '2.5' }],
  ['operands of 1,000 digits', { a: `-${digits(1)}.${digits(999)}`, b: digits(1000), sum: '0' }],
  ['a sum of 2,000 digits', { a: '0', b: '0', sum: `-${digits(1000)}.${digits(1000)}` }],
])('%s fit and are taken', (_what, data) => {
  expect(fits(data)).toBe(true);
  expect(isTaken(data)).toBe(true);
});

test('schema and accumulate agree on any text', () => {
  const decimalLike = fc.string({ unit: fc.constantFrom('0', '7', '-', '.', '+', 'e', ' '), maxLength: 6 });
  const long = fc
    .tuple(fc.constantFrom('', '-'), fc.integer({ min: 995, max: 1002 }), fc.constantFrom('', '.5', '.55'))
    .map(([sign, count, fraction]) => sign + digits(count) + fraction);
  const field = fc.oneof(
    decimalLike,
    fc.string({ maxLength: 3 }),
    long,
    fc.constantFrom<unknown>(0, null, [], {}),
  );
  const data = fc.record({ a: field, b: field, sum: field }, { requiredKeys: [] });
  fc.assert(
    fc.property(data, (value) => {
      expect(fits(value)).toBe(isTaken(value));
    }),
    { numRuns: 2_000 },
  );
});
