// A record as a request to a sink that stores it as it was: the same attributes, key, content type and bytes. Only the
// trace context gets a span of its own there.

import type { LogRecord } from '../log/record.ts';

export interface SinkRequest {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | string | null;
}

/** Of the 8,192 bytes that a KafkaSink takes; the rest is for what the client adds. */
const maxHeaderBytes = 7_000;
const transported = ['traceparent', 'tracestate', 'baggage'];

/**
 * In binary mode wherever the headers of a request can carry the attributes, as they could when they came in binary
 * mode; else in structured mode, in which they must have come, with the data in base64 so that it is not serialised anew.
 */
export function toSinkRequest({ headers, value }: LogRecord): SinkRequest {
  const trace = Object.entries(headers).filter(([name]) => transported.includes(name));
  const attributes = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce_'))
    .map(([name, text]) => [name.slice(3), text] as const);
  const type = headers['content-type'];
  if (fitsHeaders([...attributes, ['', type ?? '']])) {
    const binary = attributes.map(([name, text]) => [`ce-${name}`, text] as const);
    return {
      headers: { ...Object.fromEntries([...binary, ...trace]), ...typeHeaders(type) },
      body: value,
    };
  }
  const event = {
    ...Object.fromEntries(attributes),
    ...(type !== undefined && { datacontenttype: type }),
    ...(value !== null && { data_base64: Buffer.from(value).toString('base64') }),
  };
  return {
    headers: { ...Object.fromEntries(trace), 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify(event),
  };
}

function fitsHeaders(attributes: readonly (readonly [name: string, text: string])[]): boolean {
  let bytes = 0;
  for (const [name, text] of attributes) {
    // HTTP has a byte for each character, and takes away spaces around them.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text) || text.trim() !== text) return false;
    bytes += name.length + text.length + 7;
  }
  return bytes <= maxHeaderBytes;
}

/** A content type of CloudEvents' own would say that the event is structured. */
function typeHeaders(type: string | undefined): Record<string, string> {
  if (type === undefined) return {};
  if (!/^application\/cloudevents/i.test(type)) return { 'content-type': type };
  return { 'content-type': 'application/octet-stream', 'ce-datacontenttype': type };
}
