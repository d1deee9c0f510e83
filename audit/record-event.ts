// The audit's own reading of a record: whether accumulate counts it when it is delivered, and as what. Written beside
// functions/accumulate/cloud-event.ts and not shared with it, so that a mistake there does not hide itself here; the two
// are held against each other in record-event.test.ts.

import { eventSource, eventType } from '../lib/event.ts';
import type { LogRecord } from '../local/log/record.ts';
import { Amount, shortest } from './amount.ts';

/** What an event says: (source, id) is its identity (I2), total, a and b its meaning (I6). */
export interface SumEvent {
  readonly source: string;
  readonly id: string;
  readonly total: string;
  /** In shortest form, as b is. */
  readonly a: string;
  readonly b: string;
}

const maxDigits = 1_000;
/** One operand may have all of its digits before the point, the other all of them after it. */
const maxSumDigits = 2 * maxDigits;

const attribute = /^[!-~]{1,1024}$/;
const totalName = /^[a-z0-9][a-z0-9-]{0,62}$/;
const jsonType = /^application\/(?:json|[\w.-]+\+json)$/;
const time = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-](\d\d):(\d\d))$/i;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The event in the record; undefined for one that can never be counted. */
export function readEvent({ headers, value }: Pick<LogRecord, 'headers' | 'value'>): SumEvent | undefined {
  const read = (name: string): string | undefined => asDelivered(headers[name]);
  const [source, id, total, sentAt] = [
    read('ce_source') ?? '',
    read('ce_id') ?? '',
    read('ce_subject') ?? '',
    read('ce_time'),
  ];
  const isOurs =
    read('ce_type') === eventType &&
    read('ce_specversion') === '1.0' &&
    isJson(read('content-type')) &&
    attribute.test(source) &&
    attribute.test(id) &&
    (total === '' || totalName.test(total)) &&
    (sentAt === undefined || isTime(sentAt));
  if (!isOurs || value === null) return undefined;
  const operands = readOperands(value);
  if (operands === undefined) return undefined;
  return { source, id: knownId(source, id), total: total === '' ? 'default' : total, ...operands };
}

/** The add function's ids are UUIDs, the same in either case. */
export function knownId(source: string, id: string): string {
  return source === eventSource ? id.toLowerCase() : id;
}

/** As the subscriber's server sees a header: in Latin-1, without the blanks around it. */
function asDelivered(text: string | undefined): string | undefined {
  if (text === undefined || /^[!-~]*$/.test(text)) return text;
  const isBlank = (at: number): boolean => text[at] === ' ' || text[at] === '\t';
  let [begin, end] = [0, text.length];
  while (begin < end && isBlank(begin)) begin++;
  while (end > begin && isBlank(end - 1)) end--;
  return text.slice(begin, end).replaceAll(/[^\0-\xff]/gu, '?');
}

/** The data of a structured event is JSON where nothing else is said. */
function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return true;
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  // Of CloudEvents' own types a record could only be an event twice over.
  return jsonType.test(type) && !type.startsWith('application/cloudevents');
}

function readOperands(value: Uint8Array): Pick<SumEvent, 'a' | 'b'> | undefined {
  let data: unknown;
  try {
    data = JSON.parse(utf8.decode(value));
  } catch {
    return undefined;
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const fields = data as Readonly<Record<string, unknown>>;
  const a = shortest(fields['a'], maxDigits);
  const b = shortest(fields['b'], maxDigits);
  const sum = shortest(fields['sum'], maxSumDigits);
  if (a === undefined || b === undefined || sum === undefined) return undefined;
  return Amount.of(a, b).toString() === sum ? { a, b } : undefined;
}

/** RFC 3339 with its zone, of a day and an hour that the calendar has. */
function isTime(text: string): boolean {
  const parts = time.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] =
    parts;
  // As accumulate counts: the year 0 is none.
  const isLeap = year !== 0 && ((year % 4 === 0 && year % 100 !== 0) || year % 400 === 0);
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  const isOnClock = hour <= 23 && minute <= 59 && second <= 59;
  // Z leaves the zone's two numbers as NaN, which is above nothing.
  return day >= 1 && day <= days && isOnClock && !(zoneHour > 23 || zoneMinute > 59);
}
