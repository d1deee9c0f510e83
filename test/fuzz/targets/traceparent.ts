// A caller's trace context goes on with the event when it is valid, and is left out when it is not.

import { Metadata } from '@grpc/grpc-js';

import { traceparentOf } from '../../../functions/add/call.ts';
import { readEvent } from '../../../local/log/cloud-event.ts';
import { check } from '../property.ts';

export function fuzz(data: Buffer): void {
  // gRPC has no other text in its metadata.
  const text = data
    .toString('latin1')
    .replace(/[^ -~]/g, '')
    .trim();
  const metadata = new Metadata();
  metadata.set('traceparent', text);
  const [version = '', trace = '', span = '', flags = '', ...more] = text.split('-');
  const isHex = (part: string, length: number) => part.length === length && !/[^0-9a-f]/.test(part);
  const isValid =
    more.length === 0 &&
    isHex(version, 2) &&
    version !== 'ff' &&
    isHex(trace, 32) &&
    /[^0]/.test(trace) &&
    isHex(span, 16) &&
    /[^0]/.test(span) &&
    isHex(flags, 2);
  const found = traceparentOf(metadata);
  check(found === (isValid ? text : undefined), 'valid trace context is taken and nothing else is');
  const event = {
    'ce-specversion': '1.0',
    'ce-id': 'x',
    'ce-source': '/x',
    'ce-type': 'x',
    traceparent: text,
  };
  const { headers } = readEvent(event, Buffer.alloc(0));
  const passed = headers['traceparent'];
  if (passed !== undefined) {
    check(passed.length === 55 && passed.slice(3, 35) === trace, 'the log passes the trace on');
    check(passed.slice(36, 52) !== span, 'with a span of its own');
  }
}
