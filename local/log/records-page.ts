// The embedded log's records and dead letters as pages of JSON.

import { isUtf8 } from 'node:buffer';
import type { ServerResponse } from 'node:http';

import { AppError, toAppError } from '../../lib/errors.ts';
import { sendJson, sendProblem } from '../../lib/http.ts';
import { type StoredRecord, type Topic, recordBytes } from './record.ts';
import type { Store } from './store.ts';

const defaultPageSize = 100;
const maxPageSize = 1_000;
/** A page ends with the record that goes beyond it: making one holds up everything else that the log does. */
const maxPageBytes = 1_048_576;
/** So many are read at once, of which each may have 1 MiB. */
const stepRecords = 20;

/** Answers `/records` and `/dead-letters`; false for another path. */
export function createRecordPages(store: Store) {
  const topics = new Map<string, Topic>([
    ['/records', 'sums'],
    ['/dead-letters', 'sums-dead-letter'],
  ]);
  return (path: string, query: string, response: ServerResponse): boolean => {
    const topic = topics.get(path);
    if (topic === undefined) return false;
    sendRecords(response, store, topic, query);
    return true;
  };
}

/** What `?as=stored` answers: the records whole, for programs (local/access/running-log.ts). */
export interface StoredPage {
  readonly items: readonly StoredItem[];
  /** The offset to go on from, or null. */
  readonly next: number | null;
  readonly firstOffset: number;
  readonly nextOffset: number;
}

export type StoredItem = Omit<StoredRecord, 'value'> & DescribedValue;

/** As text where it is text, of which JSON changes nothing. */
type DescribedValue = { readonly data: string | null } | { readonly dataBase64: string };

/**
 * `?from=` an offset, `&limit=` at most 1,000: `{"items": […], "next": the offset to go on from, or null}`. A page of
 * large records has fewer than `limit`.
 */
function sendRecords(response: ServerResponse, store: Store, topic: Topic, query: string): void {
  const params = new URLSearchParams(query);
  const from = wholeNumber(params.get('from'), 0);
  const limit = wholeNumber(params.get('limit'), defaultPageSize);
  if (from === undefined || limit === undefined || limit === 0 || limit > maxPageSize) {
    sendProblem(response, new AppError('invalid', `from should be an offset, limit 1 to ${maxPageSize}`));
    return;
  }
  let items: StoredRecord[];
  try {
    items = readPage(store, topic, from, limit);
  } catch (error) {
    sendProblem(response, toAppError(error));
    return;
  }
  const last = items.at(-1)?.offset;
  const nextOffset = store.next(topic);
  const next = last !== undefined && last + 1 < nextOffset ? last + 1 : null;
  if (params.get('as') === 'stored') {
    const whole = items.map(({ value, ...record }) => ({ ...record, ...describeValue(value) }));
    const firstOffset = store.first(topic);
    sendJson(response, { items: whole, next, firstOffset, nextOffset } satisfies StoredPage);
  } else {
    sendJson(response, { items: items.map(describeRecord), next });
  }
}

/**
 * The records from an offset on, as many as make a page.
 * @throws AppError `damaged` when one is not what was written
 */
export function readPage(store: Store, topic: Topic, from: number, limit: number): StoredRecord[] {
  const page: StoredRecord[] = [];
  let bytes = 0;
  let next = from;
  while (page.length < limit && bytes < maxPageBytes) {
    const wanted = Math.min(limit - page.length, stepRecords);
    const step = store.read(topic, next, wanted);
    for (const record of step) {
      if (bytes >= maxPageBytes) break;
      page.push(record);
      bytes += recordBytes(record);
      next = record.offset + 1;
    }
    if (step.length < wanted) break;
  }
  return page;
}

function wholeNumber(text: string | null, fallback: number): number | undefined {
  if (text === null) return fallback;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** A record for people: its attributes without `ce_`, its data as text where it is text. */
function describeRecord({ offset, timeMs, key, headers, value }: StoredRecord) {
  const attributes: Record<string, string> = {};
  for (const [name, text] of Object.entries(headers)) {
    if (name.startsWith('ce_')) attributes[name.slice(3)] = text;
  }
  const { knativeerrordest: destination, knativeerrorcode: code, knativeerrordata: data } = attributes;
  return {
    offset,
    time: new Date(timeMs).toISOString(),
    key,
    attributes,
    contentType: headers['content-type'] ?? null,
    ...describeValue(value),
    ...(destination !== undefined && {
      error: {
        destination,
        code: code === undefined ? null : Number(code),
        data: data === undefined ? null : Buffer.from(data, 'base64').toString(),
      },
    }),
  };
}

function describeValue(value: Uint8Array | null): DescribedValue {
  if (value === null) return { data: null };
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return isUtf8(bytes) ? { data: bytes.toString() } : { dataBase64: bytes.toString('base64') };
}
