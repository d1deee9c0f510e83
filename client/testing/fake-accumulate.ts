// A small real HTTP server with accumulate's reads, over whatever a test says is counted.

import { createServer, type ServerResponse } from 'node:http';

import { addDecimals, formatDecimal, parseDecimal } from '../../lib/decimal.ts';
import { parseDurationMs } from '../../lib/env.ts';
import { AppError } from '../../lib/errors.ts';
import { closeServer, listen, sendJson, sendProblem } from '../../lib/http.ts';
import type { CountedRequest, Total } from '../accumulate.ts';
import { Condition } from '../condition.ts';

interface Addition {
  readonly requestId: string;
  readonly a: string;
  readonly b: string;
  readonly total: string;
}

export class FakeAccumulate {
  readonly counted = new Map<string, CountedRequest>();
  readonly requests: string[] = [];
  /** How many of the next requests are answered with 503. */
  failures = 0;
  /** Takes requests and never answers, as a stopped process does. */
  silent = false;
  port = 0;
  readonly #totals = new Map<string, Total>();
  readonly #changed = new Condition();
  readonly #server = createServer((request, response) => {
    void this.#answer(request.url ?? '', response);
  });

  async start(): Promise<this> {
    this.port = await listen(this.#server, 0);
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await closeServer(this.#server);
  }

  /** Counts additions as accumulate would: each id once. */
  count(additions: Iterable<Addition>): void {
    for (const { requestId: id, a, b, total: name } of additions) {
      if (this.counted.has(id)) continue;
      const sum = addDecimals(parseDecimal(a), parseDecimal(b));
      const at = new Date().toISOString();
      const event = { id, source: '/functions/add', total: name, a, b, sum: formatDecimal(sum) };
      this.counted.set(id, { ...event, time: at, appliedAt: at });
      const { total = '0', count = 0 } = this.#totals.get(name) ?? {};
      const next = formatDecimal(addDecimals(parseDecimal(total), sum));
      this.#totals.set(name, { name, total: next, count: count + 1, version: count + 1, updatedAt: at });
    }
    this.#changed.notify();
  }

  async #answer(target: string, response: ServerResponse): Promise<void> {
    this.requests.push(target);
    const { pathname, searchParams } = new URL(target, this.url);
    const [, collection, key = ''] = pathname.split('/').map(decodeURIComponent);
    if (this.silent) return;
    if (this.failures > 0) {
      this.failures--;
      sendProblem(response, new AppError('unavailable', 'not just now'));
    } else if (collection === 'requests') {
      const counted = await this.#waitFor(key, parseDurationMs(searchParams.get('wait') ?? '0ms') ?? 0);
      if (counted === undefined) sendProblem(response, new AppError('not-found', `${key} is not counted`));
      else sendJson(response, counted);
    } else if (collection === 'totals' && key !== '') {
      const total = this.#totals.get(key);
      if (total === undefined) sendProblem(response, new AppError('not-found', `there is no total ${key}`));
      else sendJson(response, total);
    } else if (collection === 'totals') {
      sendJson(response, this.#page(searchParams.get('after') ?? '', Number(searchParams.get('limit'))));
    } else {
      sendProblem(response, new AppError('no-such-path', `there is nothing at ${pathname}`));
    }
  }

  #page(after: string, limit: number): { totals: Total[]; next: string | null } {
    const names = [...this.#totals.keys()].sort().filter((name) => name > after);
    const totals = names.slice(0, limit).flatMap((name) => this.#totals.get(name) ?? []);
    return { totals, next: names.length > limit ? (names[limit - 1] ?? null) : null };
  }

  async #waitFor(id: string, waitMs: number): Promise<CountedRequest | undefined> {
    const timeout = AbortSignal.timeout(waitMs);
    const timedOut = new Promise((resolve) => {
      timeout.addEventListener('abort', resolve);
    });
    while (waitMs > 0 && !this.counted.has(id) && !timeout.aborted) {
      await Promise.race([this.#changed.wait(), timedOut]);
    }
    return this.counted.get(id);
  }
}
