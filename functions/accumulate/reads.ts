// The REST reads: totals with ETag, and whether a request is counted. Every read asks the ledger (I4).

import type { IncomingMessage, ServerResponse } from 'node:http';

import { addDecimals, formatDecimal, readCanonical } from '../../lib/decimal.ts';
import { parseDurationMs } from '../../lib/env.ts';
import { AppError, show } from '../../lib/errors.ts';
import { eventSource } from '../../lib/event.ts';
import { sendJson, sendText } from '../../lib/http.ts';
import { defaultTotal, parseTotalName, type TotalName } from '../../lib/names.ts';
import { answerNotModified } from './etag.ts';
import type { StoredEntry, Total } from './ledger/entry.ts';
import type { Ledger } from './ledger/ledger.ts';

const maxPage = 1_000;
/** Below the time after which proxies in between give up. */
const maxWaitMs = 30_000;

export interface Reads {
  /** `GET /total` and `GET /totals/{name}`. */
  total(name: string, request: IncomingMessage, response: ServerResponse): void;
  /** `GET /totals?after=&limit=`. */
  totals(query: URLSearchParams, response: ServerResponse): void;
  /** `GET /requests/{id}?source=&wait=`. */
  request(id: string, query: URLSearchParams, response: ServerResponse): Promise<void>;
}

/** The total `default` is there before it ever changed. */
type ReadTotal = Pick<Total, 'name' | 'total' | 'count' | 'version'> & Partial<Total>;

export function createReads(ledger: Ledger): Reads {
  return {
    total(text, request, response) {
      const total = findTotal(ledger, text);
      const asText = (request.headers.accept ?? '').startsWith('text/plain');
      // The two forms are different representations, so they have different tags (RFC 9110, section 8.8.3).
      const etag = asText ? `"${nameState(total)}-text"` : `"${nameState(total)}"`;
      response.setHeader('vary', 'accept');
      if (answerNotModified(request, response, etag)) return;
      if (asText) sendText(response, 200, 'text/plain', `${total.total}\n`);
      else sendJson(response, toJson(total));
    },

    totals(query, response) {
      const limit = parseLimit(query.get('limit'));
      // One more than asked for tells whether there is a next page.
      const totals = ledger.totals(query.get('after') ?? '', limit + 1);
      const page = totals.slice(0, limit);
      const next = totals.length > limit ? (page.at(-1)?.name ?? null) : null;
      sendJson(response, { totals: page.map(toJson), next });
    },

    async request(id, query, response) {
      const source = query.get('source') ?? eventSource;
      const waitMs = parseWait(query.get('wait'));
      const gone = new AbortController();
      response.once('close', () => {
        gone.abort();
      });
      // Ids of the add function are UUIDs, which are the same in either case.
      const known = source === eventSource ? id.toLowerCase() : id;
      const entry = await ledger.waitFor(source, known, waitMs, gone.signal);
      if (entry === undefined) {
        const within = waitMs === 0 ? '' : ` within ${waitMs} ms`;
        const since = new Date(ledger.status().oldestOpenedAt).toISOString();
        const where = `among the events counted since ${since}`;
        throw new AppError('not-found', `event ${show(id)} of ${show(source)} is not${within} ${where}`);
      }
      sendJson(response, entryJson(entry));
    },
  };
}

/** @throws AppError `not-found` for what no total is or can be named */
export function findTotal(ledger: Ledger, text: string): ReadTotal {
  const name = parseName(text);
  return ledger.total(name) ?? emptyTotal(name);
}

function parseName(text: string): TotalName {
  try {
    return parseTotalName(text);
  } catch (error) {
    throw new AppError('not-found', `there is no total ${show(text)}`, { cause: error });
  }
}

function emptyTotal(name: TotalName): ReadTotal {
  if (name !== defaultTotal) throw new AppError('not-found', `nothing was ever added to a total "${name}"`);
  return { name, total: '0', count: 0, version: 0 };
}

/**
 * The version alone would do, were no ledger ever restored from a backup: the events that come after that come in another
 * order, and the same versions then name other totals.
 */
function nameState({ version, setHash = 0n }: ReadTotal): string {
  return `${version}-${BigInt.asUintN(64, setHash).toString(36)}`;
}

export function toJson(total: ReadTotal): Record<string, unknown> {
  const { name, count, version, updatedAt } = total;
  const at = updatedAt === undefined ? null : new Date(updatedAt).toISOString();
  return { name, total: total.total, count, version, updatedAt: at };
}

function entryJson(entry: StoredEntry): Record<string, unknown> {
  const { id, source, total, a, b, time, appliedAt } = entry;
  return {
    id,
    source,
    total,
    a,
    b,
    sum: formatDecimal(addDecimals(readCanonical(a), readCanonical(b))),
    time: time === null ? null : new Date(time).toISOString(),
    appliedAt: new Date(appliedAt).toISOString(),
  };
}

function parseLimit(text: string | null): number {
  if (text === null) return 100;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxPage) return limit;
  throw new AppError('invalid', `limit must be 1 to ${maxPage}, was ${show(text)}`);
}

function parseWait(text: string | null): number {
  if (text === null) return 0;
  const wait = parseDurationMs(text);
  if (wait === undefined || wait > maxWaitMs) {
    throw new AppError(
      'invalid',
      `wait must be a duration such as 10s, at most ${maxWaitMs / 1_000}s, was ${show(text)}`,
    );
  }
  return wait;
}
