// Records on their way into Kafka and out of it: written as a KafkaSink writes them, read as a KafkaSource reads them.

import type { IHeaders, KafkaMessage } from 'kafkajs';

import { checkAttribute } from '../log/attributes.ts';
import type { LogRecord, StoredRecord } from '../log/record.ts';
import { readStructured } from '../log/structured.ts';

/** A record as kafkajs takes it; the partition is chosen once, whatever is retried. */
export interface OutgoingMessage {
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, string>;
  partition?: number;
}

export function toMessage({ key, headers, value }: LogRecord): OutgoingMessage {
  return { key, value: value === null ? null : Buffer.from(value), headers: { ...headers } };
}

/**
 * The event that a KafkaSource makes of a record: that of a CloudEvent in binary or structured mode, and for any other
 * record, or one that is no valid CloudEvent, an event of its own type, which accumulate refuses.
 */
export function toStoredRecord(topic: string, partition: number, message: KafkaMessage): StoredRecord {
  const headers = readHeaders(message.headers);
  const place = {
    partition,
    offset: Number(message.offset),
    timeMs: Number(message.timestamp),
    key: message.key?.toString() ?? null,
  };
  const event = readCloudEvent(headers, message.value) ?? wrapPlain(topic, headers, message.value, place);
  return { ...place, ...event };
}

type Event = Pick<StoredRecord, 'headers' | 'value'>;

const required = ['specversion', 'id', 'source', 'type'];
/** What is sent along as headers of the request, whatever the record is. */
const transported = ['traceparent', 'tracestate', 'baggage'];

/** Undefined for what is no valid CloudEvent. */
function readCloudEvent(headers: ReadonlyMap<string, string>, value: Buffer | null): Event | undefined {
  const contentType = headers.get('content-type');
  try {
    if (contentType !== undefined && /^application\/cloudevents/i.test(contentType)) {
      if (!/^application\/cloudevents\+json\s*(?:;|$)/i.test(contentType)) return undefined;
      const { attributes, contentType: dataType, data } = readStructured(value ?? Buffer.alloc(0));
      return toEvent(attributes, dataType, data, headers);
    }
    const attributes = [...headers].filter(([name]) => name.startsWith('ce_'));
    return toEvent(
      attributes.map(([name, text]) => [name.slice(3), text]),
      contentType,
      value,
      headers,
    );
  } catch {
    // A KafkaSource makes a plain record of it, which ends in the dead letters with all that it has.
    return undefined;
  }
}

/** @throws AppError for an attribute that no CloudEvent may have */
function toEvent(
  attributes: readonly (readonly [name: string, text: string])[],
  contentType: string | undefined,
  value: Uint8Array | null,
  recordHeaders: ReadonlyMap<string, string>,
): Event | undefined {
  const headers: Record<string, string> = {};
  for (const [name, text] of attributes) headers[`ce_${name}`] = checkAttribute(name, text);
  if (required.some((name) => headers[`ce_${name}`] === undefined)) return undefined;
  if (contentType !== undefined) headers['content-type'] = contentType;
  return { headers: { ...headers, ...transportHeaders(recordHeaders) }, value };
}

function wrapPlain(
  topic: string,
  recordHeaders: ReadonlyMap<string, string>,
  value: Buffer | null,
  { partition, offset, timeMs, key }: Pick<StoredRecord, 'partition' | 'offset' | 'timeMs' | 'key'>,
): Event {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: `partition:${partition}/offset:${offset}`,
    ce_source: `/apis/v1/namespaces/default/kafkasources/sums#${topic}`,
    ce_type: 'dev.knative.kafka.event',
    ce_subject: `partition:${partition}#${offset}`,
    ...timeAttribute(timeMs),
    ...(key !== null && { ce_partitionkey: key, ce_key: key }),
  };
  for (const [name, text] of recordHeaders) {
    if (name === 'content-type') headers['content-type'] = text.toLowerCase();
    else headers[`ce_kafkaheader${name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')}`] = text;
  }
  return { headers: { ...headers, ...transportHeaders(recordHeaders) }, value };
}

/** None for a time that no date has: a producer may write any number. */
function timeAttribute(timeMs: number): Record<string, string> {
  const date = new Date(timeMs);
  const isDate = !Number.isNaN(date.getTime()) && date.getUTCFullYear() >= 0 && date.getUTCFullYear() <= 9999;
  return isDate ? { ce_time: checkAttribute('time', date.toISOString()) } : {};
}

function transportHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => transported.includes(name)));
}

/** As text; of a name that is there several times the last one. One without a value, which Kafka allows, is left out. */
function readHeaders(headers: IHeaders | undefined): Map<string, string> {
  const read = new Map<string, string>();
  for (const [name, values] of Object.entries(headers ?? {})) {
    // kafkajs gives null for it, of which its types know nothing.
    const value = (Array.isArray(values) ? values.at(-1) : values) as Buffer | string | null | undefined;
    if (value !== undefined && value !== null) read.set(name, value.toString());
  }
  return read;
}
