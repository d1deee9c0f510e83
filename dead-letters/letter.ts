// A dead letter: the event as it could not be delivered, and what is said of it.

import type { LogRecord, StoredRecord } from '../local/log/record.ts';
import { type Failure, readFailure } from './failure.ts';

export interface Place {
  readonly partition: number;
  readonly offset: number;
}

export interface Letter extends Place {
  readonly record: StoredRecord;
  readonly id: string;
  readonly source: string;
  /** The total it would have counted in; undefined for an event that is no sum. */
  readonly total: string | undefined;
  /** When it was put here, in milliseconds since 1970. */
  readonly atMs: number;
  readonly failure: Failure;
  /** Where its record is in `sums`; undefined when the letter does not say. */
  readonly origin: Place | undefined;
}

const sumType = 'dev.tally.sum.v1';
/** What a delivery that failed adds to the event; a `kne-` header of the answer, which accumulate has none of, would too. */
const added = new Set([
  ...['ce_knativeerrordest', 'ce_knativeerrorcode', 'ce_knativeerrordata'],
  ...['ce_knativekafkapartition', 'ce_knativekafkaoffset'],
]);

export function readLetter(record: StoredRecord): Letter {
  const { partition, offset, timeMs, headers } = record;
  const { ce_id: id = '', ce_source: source = '', ce_type: type, ce_subject: subject = 'default' } = headers;
  const [fromPartition, fromOffset] = [headers['ce_knativekafkapartition'], headers['ce_knativekafkaoffset']];
  const isPlace = [fromPartition, fromOffset].every((text) => /^\d{1,15}$/.test(text ?? ''));
  return {
    ...{ partition, offset, record, id, source },
    total: type === sumType ? subject : undefined,
    atMs: timeMs,
    failure: readFailure(headers),
    origin: isPlace ? { partition: Number(fromPartition), offset: Number(fromOffset) } : undefined,
  };
}

/**
 * The record as it was before it failed, with the same id: counted once, however often it is delivered (I2). Of a record
 * that was no event it is the event that the source made of it, since that has the id by which it was refused.
 */
export function originalOf({ record: { key, headers, value } }: Pick<Letter, 'record'>): LogRecord {
  return {
    key,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !added.has(name))),
    value,
  };
}

/** `PARTITION:OFFSET`, which names one letter where an id may name several. */
export function formatPlace({ partition, offset }: Place): string {
  return `${partition}:${offset}`;
}

/** Whether two letters are of the same event, so that at most one of them can count. */
export function isSameEvent(one: Letter, other: Letter): boolean {
  return (
    one.id === other.id &&
    one.source === other.source &&
    one.total === other.total &&
    Buffer.compare(one.record.value ?? Buffer.alloc(0), other.record.value ?? Buffer.alloc(0)) === 0
  );
}
