// The embedded log's records and dead letters as pages of JSON.

import { isUtf8 } from 'node:buffer';
import type { ServerResponse } from 'node:http';

import { AppError, toAppError } from '../../lib/errors.ts';
import { sendJson, sendProblem } from '../../lib/http.ts';
import type { StoredRecord, Topic } from './record.ts';
import type { Store } from './store.ts';

const defaultPageSize = 100;
const maxPageSize = 1_000;

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

/** `?from=` an offset, `&limit=` at most 1,000: `{"items": […], "next": the offset to go on from, or null}`. */
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
    items = store.read(topic, from, limit);
  } catch (error) {
    sendProblem(response, toAppError(error));
    return;
  }
  const last = items.at(-1)?.offset;
  const next = last !== undefined && last + 1 < store.next(topic) ? last + 1 : null;
  sendJson(response, { items: items.map(describeRecord), next });
}

function wholeNumber(text: string | null, fallback: number): number | undefined {
  if (text === null) return fallback;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** A record for people and for a redrive: its attributes without `ce_`, its data as text where it is text. */
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

function describeValue(value: Uint8Array | null): { data: string | null } | { dataBase64: string } {
  if (value === null) return { data: null };
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return isUtf8(bytes) ? { data: bytes.toString() } : { dataBase64: bytes.toString('base64') };
}
