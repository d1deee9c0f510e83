// The dead letter of a record that could not be delivered, as a KafkaSource would send it to its dead letter sink: the
// same event with the same id and key, and in its attributes where it came from and what went wrong.

import type { Outcome } from './delivery.ts';
import type { LogRecord, StoredRecord } from './record.ts';

/**
 * @param destination the full address of the subscriber
 * @param outcome of the last attempt
 */
export function deadLetterOf(record: StoredRecord, destination: string, outcome: Outcome): LogRecord {
  const headers: Record<string, string> = {
    ...record.headers,
    ce_knativekafkapartition: String(record.partition),
    ce_knativekafkaoffset: String(record.offset),
    ce_knativeerrordest: destination,
  };
  if (outcome.kind === 'answered') {
    headers['ce_knativeerrorcode'] = String(outcome.status);
    if (outcome.body.length > 0) headers['ce_knativeerrordata'] = outcome.body.toString('base64');
    for (const [name, value] of Object.entries(outcome.headers)) {
      // A KafkaSource hangs on a `kne-` header that makes no attribute name; here such a header is left out.
      const attribute = /^kne-([a-z0-9]+)$/.exec(name)?.[1];
      if (attribute !== undefined && value !== undefined) headers[`ce_${attribute}`] = String(value);
    }
  }
  return { key: record.key, headers, value: record.value };
}
