// What accumulate says: a total, and whether a request is counted.

import http from 'k6/http';

import { parseCents } from './cents.js';
import { accumulateUrl } from './settings.js';

/** The longest that accumulate holds a request. */
const waitSeconds = 30;
/** A 404 is an answer here and no failure of the service. */
const params = { responseCallback: http.expectedStatuses(200, 404), timeout: '40s' };

const get = (path, name) =>
  http.asyncRequest('GET', `${accumulateUrl}${path}`, null, { ...params, tags: { name } });

/** @throws when accumulate does not say it */
export async function readTotal(name) {
  const response = await get(`/totals/${name}`, '/totals/{name}');
  if (response.status === 404) return { cents: 0, count: 0 };
  if (response.status !== 200) throw new Error(`total ${name}: status ${response.status} ${response.error}`);
  const { total, count } = response.json();
  return { cents: parseCents(total), count };
}

/**
 * Waits until a request that add has taken is counted.
 * @returns undefined when it is, with what was sent; else why not
 */
export async function counted({ message, cents }, withinMs = waitSeconds * 1_000) {
  const { requestId, total } = message;
  const until = Date.now() + withinMs;
  let reason;
  do {
    const seconds = Math.max(1, Math.min(waitSeconds, Math.ceil((until - Date.now()) / 1_000)));
    const response = await get(`/requests/${requestId}?wait=${seconds}s`, '/requests/{id}');
    if (response.status === 200) {
      const entry = response.json();
      if (parseCents(entry.sum) === cents && entry.total === total) return undefined;
      return `${requestId} is counted as ${entry.sum} in ${entry.total}, was ${cents} hundredths in ${total}`;
    }
    reason = `${requestId} is not counted: status ${response.status} ${response.error}`;
  } while (Date.now() < until);
  return reason;
}
