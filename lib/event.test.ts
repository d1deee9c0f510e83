import { describe, expect, test } from '@jest/globals';

import { parseDecimal } from './decimal.ts';
import { type Addition, encodeEvent } from './event.ts';
import { parseRequestId, parseTotalName } from './names.ts';

const id = '7d8f4f3a-2f59-4a8e-9d43-1f1f6f0c2b11';
const addition: Addition = {
  requestId: parseRequestId(id),
  total: parseTotalName('sales'),
  a: parseDecimal('2.50'),
  b: parseDecimal('-0.5'),
};
const time = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 67));

describe('an addition as an event', () => {
  test('has its attributes as headers and canonical decimals as its data', () => {
    expect(encodeEvent(addition, parseDecimal('2'), time)).toEqual({
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': id,
        'ce-source': '/functions/add',
        'ce-type': 'dev.tally.sum.v1',
        'ce-subject': 'sales',
        'ce-time': '2026-01-02T03:04:05.067Z',
        'ce-dataschema': 'urn:tally:schema:sum.v1',
        'ce-partitionkey': id,
      },
      body: '{"a":"2.5","b":"-0.5","sum":"2"}',
    });
  });

  test('carries the trace both as the HTTP header and as an attribute, and other extensions as attributes', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { headers } = encodeEvent(addition, parseDecimal('2'), time, {
      traceparent,
      extensions: { region: 'eu' },
    });
    expect(headers).toMatchObject({ traceparent, 'ce-traceparent': traceparent, 'ce-region': 'eu' });
  });
});
