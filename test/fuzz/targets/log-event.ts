// What the embedded log takes of an event and delivers is, to accumulate, the event that was posted: an event has one
// identity and one meaning on either way (I2, I6).

import type { IncomingHttpHeaders } from 'node:http';

import { parseRequest } from '../../../functions/accumulate/cloud-event.ts';
import { readEvent } from '../../../local/log/cloud-event.ts';
import { recordBytes } from '../../../local/log/record.ts';
import { check, hasControls, isSame, parseOr, readMessage } from '../property.ts';

export function fuzz(data: Buffer): void {
  const { headers, body } = readMessage(data);
  const record = parseOr(() => readEvent(headers, body), 'invalid');
  if (record === undefined) return;
  check(recordBytes(record) > 0, 'a record takes room');
  const delivered = Object.entries(record.headers).map(([name, value]): [string, string] => [
    name.replace(/^ce_/, 'ce-'),
    value,
  ]);
  for (const [name, value] of delivered) {
    check(!hasControls(value), `a header can say what ${name} is`);
  }
  const refusals = ['invalid', 'unsupported-media-type', 'too-large'] as const;
  const posted = parseOr(() => parseRequest(headers, body, 1), ...refusals);
  const arrived = parseOr(
    () =>
      parseRequest(Object.fromEntries(delivered) as IncomingHttpHeaders, Buffer.from(record.value ?? []), 1),
    ...refusals,
  );
  if (posted !== undefined) check(isSame(arrived, posted), 'an event arrives as it was posted');
}
