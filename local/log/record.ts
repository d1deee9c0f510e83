// A record of the log, as Kafka would hold it.

/** `sums` is delivered to the subscriber, `sums-dead-letter` keeps what could not be. */
export const topics = ['sums', 'sums-dead-letter'] as const;
export type Topic = (typeof topics)[number];

export interface LogRecord {
  /** The event's `partitionkey`. */
  readonly key: string | null;
  /** By Kafka's names: `ce_id`, `ce_source` …, `content-type`, `traceparent`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The event's data; null when it has none. */
  readonly value: Uint8Array | null;
}

export interface StoredRecord extends LogRecord {
  readonly partition: number;
  /** Its place in its partition. */
  readonly offset: number;
  /** When it was stored, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Kafka's `max.request.size`. */
export const maxRecordBytes = 1_048_576;

/** About what the record takes in a Kafka producer's request, where more than 1 MiB is refused. */
export function recordBytes({ key, headers, value }: LogRecord): number {
  let bytes = Buffer.byteLength(key ?? '') + (value?.length ?? 0);
  for (const [name, text] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(text);
  return bytes;
}
