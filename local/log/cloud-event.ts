// What a KafkaSink accepts and what it writes to Kafka for it: attributes as `ce_*` headers, the data's bytes
// unchanged, the partition key as the record's key.

import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import { AppError } from '../../lib/errors.ts';
import { checkAttribute } from './attributes.ts';
import type { LogRecord } from './record.ts';
import { readStructured } from './structured.ts';

/**
 * The record of one CloudEvent in binary or structured JSON mode.
 * @throws AppError `invalid` for whatever a KafkaSink answers with 400: a batch, a missing specversion, id, source or
 * type (an empty one passes, as it does there), a bad attribute
 */
export function readEvent(headers: IncomingHttpHeaders, body: Buffer): LogRecord {
  const contentType = headers['content-type'];
  if (contentType !== undefined && /^application\/cloudevents/i.test(contentType)) {
    if (!/^application\/cloudevents\+json\s*(?:;|$)/i.test(contentType)) {
      throw new AppError('invalid', 'only one event in binary or structured JSON mode is taken, no batch');
    }
    const event = readStructured(body);
    return toRecord(event.attributes, event.contentType, event.data, headers);
  }
  const attributes: [string, string][] = [];
  let dataContentType = contentType;
  for (const name in headers) {
    if (!name.startsWith('ce-')) continue;
    const value = headers[name] as string;
    if (name === 'ce-datacontenttype') dataContentType = value;
    else attributes.push([name.slice(3), value]);
  }
  return toRecord(attributes, dataContentType, body.length === 0 ? null : body, headers);
}

function toRecord(
  attributes: Iterable<readonly [string, string]>,
  contentType: string | undefined,
  value: Uint8Array | null,
  transport: IncomingHttpHeaders,
): LogRecord {
  const checked = new Map<string, string>();
  for (const [name, text] of attributes) checked.set(name, checkAttribute(name, text));
  for (const name of required) {
    if (!checked.has(name)) throw new AppError('invalid', `the event has no ${name}`);
  }
  const key = checked.get('partitionkey') ?? null;
  const headers: Record<string, string> = {};
  // In the order in which a KafkaSink writes them.
  for (const name of [...required, 'datacontenttype', ...optional, ...checked.keys()]) {
    const text = name === 'datacontenttype' ? contentType : checked.get(name);
    if (text !== undefined) headers[name === 'datacontenttype' ? 'content-type' : `ce_${name}`] = text;
  }
  return { key, headers: { ...headers, ...traceHeaders(transport) }, value };
}

const required = ['specversion', 'id', 'source', 'type'] as const;
const optional = ['dataschema', 'subject', 'time'] as const;

/** W3C trace context as a KafkaSink passes it on: the same trace, a span of its own. */
function traceHeaders({ traceparent, tracestate, baggage }: IncomingHttpHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  if (typeof baggage === 'string') headers['baggage'] = baggage;
  const trace =
    typeof traceparent === 'string'
      ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(traceparent)
      : null;
  if (trace === null) return headers;
  headers['traceparent'] = `00-${trace[1]}-${randomBytes(8).toString('hex')}-${trace[2]}`;
  if (typeof tracestate === 'string') headers['tracestate'] = tracestate;
  return headers;
}
