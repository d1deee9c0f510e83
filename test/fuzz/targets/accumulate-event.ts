// Whatever is posted to accumulate is refused with a reason or is an entry that means exactly what was sent.

import { parseRequest } from '../../../functions/accumulate/cloud-event.ts';
import type { Entry } from '../../../functions/accumulate/ledger/entry.ts';
import { formatDecimal } from '../../../lib/decimal.ts';
import { eventType } from '../../../lib/event.ts';
import { check, isSame, parseOr, readMessage } from '../property.ts';

const maxBatchEvents = 5;

export function fuzz(data: Buffer): void {
  const { headers, body } = readMessage(data);
  const entries = parseOr(
    () => parseRequest(headers, body, maxBatchEvents),
    ...(['invalid', 'unsupported-media-type', 'too-large'] as const),
  );
  if (entries === undefined) return;
  check(entries.length <= maxBatchEvents, 'a batch has no more events than it may have');
  for (const entry of entries) {
    check(/^[!-~]{1,1024}$/.test(entry.id) && /^[!-~]{1,1024}$/.test(entry.source), 'the identity is text');
    check(/^[a-z0-9][a-z0-9-]{0,62}$/.test(entry.total), 'a total has a name');
    check(entry.time === null || Number.isSafeInteger(entry.time), 'a time is whole milliseconds');
  }
  // The same events in the two structured forms are the same entries.
  const again = entries.map(toStructured);
  const batch = { 'content-type': 'application/cloudevents-batch+json' };
  check(
    isSame(parseRequest(batch, Buffer.from(JSON.stringify(again)), maxBatchEvents), entries),
    'a batch of the same events is the same entries',
  );
  for (const [index, event] of again.entries()) {
    const single = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    const [entry] = parseRequest(single, Buffer.from(JSON.stringify(event)), 1);
    check(isSame(entry, entries[index]), 'the same event alone is the same entry');
  }
}

function toStructured({ id, source, total, a, b, sum, time }: Entry): object {
  return {
    ...{ specversion: '1.0', id, source, type: eventType, subject: total },
    ...(time !== null && { time: new Date(time).toISOString() }),
    data: { a, b, sum: formatDecimal(sum) },
  };
}
