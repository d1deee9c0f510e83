// `k6/http`, its asynchronous half.

import { currentRun } from './modules.ts';
import { milliseconds } from './scenarios.ts';

interface Params {
  readonly headers?: Record<string, string>;
  readonly timeout?: string | number;
  readonly responseCallback?: (status: number) => boolean;
}

const expectedStatuses =
  (...statuses: number[]) =>
  (status: number): boolean =>
    statuses.includes(status);
const isExpected = (status: number): boolean => status >= 200 && status < 400;

/** As Go writes names of headers, which scripts see. */
const canonical = (name: string): string => name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());

/** Gives a response of status 0 where there is none. */
async function asyncRequest(
  method: string,
  url: string,
  body: string | null = null,
  { headers = {}, timeout = '60s', responseCallback = isExpected }: Params = {},
) {
  const startedMs = performance.now();
  const response = await fetch(url, {
    method,
    body,
    headers,
    signal: AbortSignal.timeout(milliseconds(timeout)),
  })
    .then(async (answer) => ({
      status: answer.status,
      headers: Object.fromEntries([...answer.headers].map(([name, value]) => [canonical(name), value])),
      body: await answer.text(),
      error: '',
    }))
    .catch((error: unknown) => ({ status: 0, headers: {}, body: '', error: String(error) }));
  const { registry } = currentRun();
  registry.add('counter', 'http_reqs', 1);
  registry.add('trend', 'http_req_duration', performance.now() - startedMs, true);
  registry.add('rate', 'http_req_failed', !responseCallback(response.status));
  return { ...response, json: () => JSON.parse(response.body) as unknown };
}

export default { asyncRequest, expectedStatuses };
