// What goes over accumulate's wire, as JSON Schema 2020-12: the `components` of its OpenAPI document (openapi.ts).

import { dataSchema, eventSource, eventType } from '../../lib/event.ts';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** Digits are counted without sign and point, which JSON Schema has no words for but these. */
function decimalOf(digits: number, description: string) {
  const lengths = [
    { maxLength: digits },
    { maxLength: digits + 1, pattern: '[-.]' },
    { maxLength: digits + 2, pattern: '^-.*\\.' },
  ];
  return { description, type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?$', anyOf: lengths };
}

const attribute = (description: string) => ({
  description,
  type: 'string',
  pattern: '^[!-~]+$',
  maxLength: 1_024,
});

const instant = { type: 'string', format: 'date-time' };
const count = { type: 'integer', minimum: 0 };

const exampleData = { a: '19.90', b: '4.95', sum: '24.85' };
export const exampleEvent = {
  specversion: '1.0',
  id: 'order-1',
  source: '/my/shop',
  type: eventType,
  subject: 'sales',
  data: exampleData,
};

/** The attributes of CloudEvents 1.0 that mean something here, as they are in JSON and as `ce-` headers. */
export const attributes = {
  specversion: { const: '1.0' },
  id: attribute(
    'With `source` the identity of the event: the two are counted once. UUIDs of the add function are the same in either case.',
  ),
  source: attribute('A URI reference that names the sender.'),
  type: { const: eventType },
  subject: { description: 'The total to add to.', ...ref('TotalName') },
  time: {
    description:
      'RFC 3339 with zone, no leap second. From before the deduplication window: refused. More than a day ahead of the clock: 503.',
    ...instant,
  },
};

export const schemas = {
  TotalName: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,62}$', examples: ['sales'] },
  Sum: {
    description:
      'The data of an event: two operands and their sum. `sum` must be `a + b`. Other members are ignored.',
    $comment: `The schema ${dataSchema}, kafka/sum.v1.schema.json.`,
    type: 'object',
    required: ['a', 'b', 'sum'],
    properties: {
      a: decimalOf(1_000, 'An exact decimal of at most 1,000 digits: no plus, exponent or blank.'),
      b: decimalOf(1_000, 'As `a`.'),
      sum: decimalOf(2_000, 'a + b, of at most 2,000 digits.'),
    },
    examples: [exampleData],
  },
  Event: {
    description:
      'One CloudEvent 1.0 in JSON. Its data is in `data`, or as the base64 of that JSON in `data_base64`. Other attributes are ignored.',
    type: 'object',
    required: ['specversion', 'id', 'source', 'type'],
    properties: {
      ...attributes,
      datacontenttype: { type: 'string', pattern: '^application/([A-Za-z0-9_.-]+[+])?json$' },
      data: ref('Sum'),
      data_base64: {
        type: 'string',
        contentEncoding: 'base64',
        contentMediaType: 'application/json',
        contentSchema: ref('Sum'),
      },
    },
    oneOf: [{ required: ['data'] }, { required: ['data_base64'] }],
    examples: [exampleEvent],
  },
  Batch: { type: 'array', items: ref('Event'), maxItems: 10_000, examples: [[exampleEvent]] },
  Total: {
    type: 'object',
    required: ['name', 'total', 'count', 'version', 'updatedAt'],
    properties: {
      name: ref('TotalName'),
      total: { description: 'Exact, of any length.', type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?$' },
      count: { description: 'How many events are in it.', ...count },
      version: { description: 'Grows with each event in it, and never goes back.', ...count },
      updatedAt: {
        description: 'When the last of them was counted; null before the first.',
        type: ['string', 'null'],
        format: 'date-time',
      },
    },
    additionalProperties: false,
    examples: [
      { name: 'sales', total: '24.85', count: 1, version: 7, updatedAt: '2026-01-31T12:00:00.000Z' },
    ],
  },
  Totals: {
    type: 'object',
    required: ['totals', 'next'],
    properties: {
      totals: { type: 'array', items: ref('Total') },
      next: {
        description: 'What `after` has to be for the next page; null on the last one.',
        type: ['string', 'null'],
      },
    },
    additionalProperties: false,
  },
  CountedEvent: {
    description: 'An event as it was counted: operands and sum in their shortest form.',
    type: 'object',
    required: ['id', 'source', 'total', 'a', 'b', 'sum', 'time', 'appliedAt'],
    properties: {
      id: { type: 'string' },
      source: { type: 'string', examples: [eventSource] },
      total: ref('TotalName'),
      a: { type: 'string' },
      b: { type: 'string' },
      sum: { type: 'string' },
      time: { description: 'Its own; null without one.', type: ['string', 'null'], format: 'date-time' },
      appliedAt: { description: 'When it was counted.', ...instant },
    },
    additionalProperties: false,
  },
  Problem: {
    description: 'Why a request was refused (RFC 9457).',
    type: 'object',
    required: ['type', 'title', 'status', 'detail'],
    properties: {
      type: { type: 'string', pattern: '^urn:tally:problem:[a-z-]+$' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', minLength: 1 },
      violations: {
        description: 'Every bad field, where there are such.',
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          required: ['field', 'description'],
          properties: { field: { type: 'string', examples: ['data.sum'] }, description: { type: 'string' } },
          additionalProperties: false,
        },
      },
    },
    additionalProperties: false,
  },
  Probe: {
    type: 'object',
    required: ['status'],
    properties: { status: { enum: ['alive', 'ready', 'not ready'] }, reason: { type: 'string' } },
    additionalProperties: false,
  },
};
