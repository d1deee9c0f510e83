// The event that crosses the log: a CloudEvent 1.0 in binary mode with `{"a","b","sum"}` as its JSON data.

import { type Decimal, formatDecimal } from './decimal.ts';
import type { RequestId, TotalName } from './names.ts';

export const eventType = 'dev.tally.sum.v1';
export const eventSource = '/functions/add';
/** The name of the schema of the data, `{"a","b","sum"}` as decimals in text. */
export const dataSchema = 'urn:tally:schema:sum.v1';

/** One logical addition, as `Add` takes it. */
export interface Addition {
  readonly requestId: RequestId;
  readonly total: TotalName;
  readonly a: Decimal;
  readonly b: Decimal;
}

export interface EncodedEvent {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/**
 * The addition as an HTTP request in CloudEvents binary mode. `time` is when the add function first sent it.
 * `partitionkey` makes duplicates meet in one partition; `traceparent` travels as an attribute because the header's
 * span is replaced on the way.
 */
export function encodeEvent(
  addition: Addition,
  sum: Decimal,
  time: Date,
  options: { traceparent?: string | undefined; extensions?: Readonly<Record<string, string>> } = {},
): EncodedEvent {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': addition.requestId,
    'ce-source': eventSource,
    'ce-type': eventType,
    'ce-subject': addition.total,
    'ce-time': time.toISOString(),
    'ce-dataschema': dataSchema,
    'ce-partitionkey': addition.requestId,
  };
  if (options.traceparent !== undefined) {
    headers['traceparent'] = options.traceparent;
    headers['ce-traceparent'] = options.traceparent;
  }
  for (const [name, value] of Object.entries(options.extensions ?? {})) headers[`ce-${name}`] = value;
  const { a, b } = addition;
  // Decimals need no JSON escaping.
  const body = `{"a":"${formatDecimal(a)}","b":"${formatDecimal(b)}","sum":"${formatDecimal(sum)}"}`;
  return { headers, body };
}
