// CloudEvents 1.0 over HTTP, as they come in: the request's attributes and data become typed entries, once, here.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
//
// Written here and not taken from the SDK because the identity of an event must be exactly what was sent: the SDK gives
// a structured event without id a fresh one, so that each redelivery would look new, and rounds large integers.

import type { IncomingHttpHeaders } from 'node:http';

import { addDecimals, equalDecimals, formatDecimal, maxSumDigits, parseDecimal } from '../../lib/decimal.ts';
import { AppError, messageOf, show, type Violation } from '../../lib/errors.ts';
import { eventSource, eventType } from '../../lib/event.ts';
import { parseTotalName } from '../../lib/names.ts';
import type { Entry } from './ledger/entry.ts';

type Attributes = Readonly<Record<string, unknown>>;

/**
 * Visible ASCII without blanks: what reaches the function unchanged on every way. Attributes go through Kafka as Latin-1,
 * a blank is percent-encoded in binary mode but not in structured mode, and a header sent twice is joined with one.
 */
const attributeText = /^[\x21-\x7e]+$/;
const maxAttributeLength = 1_024;

/** RFC 3339 with its zone, as CloudEvents requires. */
const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/**
 * Reads a request in binary, structured or batch mode.
 * @returns the events, at least one except for an empty batch
 * @throws AppError `invalid` with every violation, `unsupported-media-type`, `too-large`
 */
export function parseRequest(headers: IncomingHttpHeaders, body: Buffer, maxBatchEvents: number): Entry[] {
  const mediaType = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!mediaType.startsWith('application/cloudevents')) return [parseBinary(headers, mediaType, body)];
  // A KafkaSource delivers records it could not read like this: neither reading of them would be the sender's.
  if (headers['ce-id'] !== undefined || headers['ce-specversion'] !== undefined) {
    throw new AppError('invalid', `an event is in binary or in ${mediaType} form, this claims to be both`);
  }
  switch (mediaType) {
    case 'application/cloudevents+json':
      return [parseStructured(parseJson(body))];
    case 'application/cloudevents-batch+json':
      return parseBatch(parseJson(body), maxBatchEvents);
    default:
      throw new AppError(
        'unsupported-media-type',
        `of CloudEvents formats only JSON is taken, was ${show(mediaType)}`,
      );
  }
}

function parseBinary(headers: IncomingHttpHeaders, mediaType: string, body: Buffer): Entry {
  if (headers['ce-specversion'] === undefined) {
    throw new AppError('invalid', 'no CloudEvent: the header ce-specversion is missing');
  }
  const attributes = {
    specversion: headers['ce-specversion'],
    id: headers['ce-id'],
    source: headers['ce-source'],
    type: headers['ce-type'],
    subject: headers['ce-subject'],
    time: headers['ce-time'],
  };
  checkType(attributes, '');
  // A structured event needs no content type of its data, and has none when it comes out of Kafka in this form.
  if (headers['content-type'] !== undefined) requireJson(mediaType, '');
  return parseEvent(attributes, parseJson(body), '');
}

function parseBatch(events: unknown, maxBatchEvents: number): Entry[] {
  if (!Array.isArray(events)) throw new AppError('invalid', 'a batch is a JSON array of events');
  if (events.length > maxBatchEvents) {
    throw new AppError(
      'too-large',
      `a batch may have at most ${maxBatchEvents} events, this has ${events.length}`,
    );
  }
  return events.map((event, index) => parseStructured(event, `events[${index}].`));
}

function parseStructured(event: unknown, path = ''): Entry {
  if (!isObject(event)) throw violation(path.slice(0, -1) || 'event', 'must be a JSON object');
  checkType(event, path);
  const contentType = event['datacontenttype'];
  if (contentType !== undefined && contentType !== null) {
    requireJson(
      typeof contentType === 'string' ? (contentType.split(';', 1)[0] ?? '').trim().toLowerCase() : '',
      path,
    );
  }
  const { data_base64: base64 } = event;
  if (base64 === undefined) return parseEvent(event, event['data'], path);
  if (typeof base64 !== 'string' || event['data'] !== undefined) {
    throw violation(`${path}data_base64`, 'must be text and the only data');
  }
  return parseEvent(event, parseJson(Buffer.from(base64, 'base64'), `${path}data_base64`), path);
}

/** The type is looked at before all else: an event of another kind is wrong as a whole, not in each of its fields. */
function checkType({ type }: Attributes, path: string): void {
  if (type !== eventType) throw violation(`${path}type`, `must be ${eventType}, was ${show(type)}`);
}

function requireJson(mediaType: string, path: string): void {
  if (mediaType === 'application/json' || /^application\/[\w.-]+\+json$/.test(mediaType)) return;
  throw new AppError(
    'unsupported-media-type',
    `${path}data must be application/json, was ${show(mediaType)}`,
  );
}

function violation(field: string, description: string): AppError {
  return new AppError('invalid', `${field} ${description}`, { violations: [{ field, description }] });
}

function parseEvent(attributes: Attributes, data: unknown, path: string): Entry {
  const violations: Violation[] = [];
  function read<T>(field: string, parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      violations.push({ field: path + field, description: messageOf(error) });
      return undefined;
    }
  }
  const fields = isObject(data) ? data : {};
  if (attributes['specversion'] !== '1.0') {
    violations.push({
      field: `${path}specversion`,
      description: `must be 1.0, was ${show(attributes['specversion'])}`,
    });
  }
  const id = read('id', () => parseAttribute(attributes['id']));
  const source = read('source', () => parseAttribute(attributes['source']));
  const total = read('subject', () => parseTotalName(attributes['subject'] ?? undefined));
  const time = read('time', () => parseTime(attributes['time'] ?? undefined));
  if (!isObject(data))
    violations.push({ field: `${path}data`, description: 'must be a JSON object {"a","b","sum"}' });
  const a = read('data.a', () => parseDecimal(fields['a']));
  const b = read('data.b', () => parseDecimal(fields['b']));
  const claimed = read('data.sum', () => parseDecimal(fields['sum'], maxSumDigits));
  const sum = a !== undefined && b !== undefined ? addDecimals(a, b) : undefined;
  if (sum !== undefined && claimed !== undefined && !equalDecimals(sum, claimed)) {
    violations.push({
      field: `${path}data.sum`,
      description: `must be a + b, which is ${show(formatDecimal(sum))}, was ${show(fields['sum'])}`,
    });
  }
  if (
    violations.length > 0 ||
    id === undefined ||
    source === undefined ||
    total === undefined ||
    time === undefined ||
    a === undefined ||
    b === undefined ||
    sum === undefined
  ) {
    const all = violations.map(({ field, description }) => `${field} ${description}`).join('; ');
    throw new AppError('invalid', all, { violations });
  }
  // The add function's ids are UUIDs, which are the same in either case.
  const known = source === eventSource ? id.toLowerCase() : id;
  return { source, id: known, total, a: formatDecimal(a), b: formatDecimal(b), sum, time };
}

function parseAttribute(value: unknown): string {
  if (typeof value === 'string' && value.length <= maxAttributeLength && attributeText.test(value))
    return value;
  throw new AppError(
    'invalid',
    `must be 1 to ${maxAttributeLength} visible ASCII characters without blanks, was ${show(value)}`,
  );
}

function parseTime(value: unknown): number | null {
  if (value === undefined) return null;
  const match = typeof value === 'string' ? rfc3339.exec(value) : null;
  const time = match === null || !isOnCalendar(match) ? Number.NaN : Date.parse(match[0].toUpperCase());
  if (Number.isNaN(time))
    throw new AppError('invalid', `must be an RFC 3339 time with zone, was ${show(value)}`);
  return time;
}

/** `Date.parse` reads February 30 as March 1 and 24:00 as the next day. */
function isOnCalendar([, year, month, day, hour]: RegExpExecArray): boolean {
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number(day) <= lastDay && Number(hour) <= 23;
}

function parseJson(body: Buffer, what = 'the body'): unknown {
  try {
    return JSON.parse(utf8.decode(body));
  } catch (error) {
    throw new AppError('invalid', `${what} is not JSON in UTF-8: ${messageOf(error)}`, { cause: error });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
