// What is counted, read from accumulate's REST interface. Reads are repeated when they fail for the moment: they
// change nothing.

import { setTimeout as sleep } from 'node:timers/promises';

import { parseTotalName } from '../lib/names.ts';
import { backoffMs } from './backoff.ts';
import { JsonGetter } from './json-getter.ts';
import { TallyError } from './tally-error.ts';

/** A total, as it was at the moment of the answer. */
export interface Total {
  readonly name: string;
  /** The exact sum, canonical decimal text. */
  readonly total: string;
  /** How many requests are in it. */
  readonly count: number;
  readonly version: number;
  /** RFC 3339; null when nothing was added yet. */
  readonly updatedAt: string | null;
}

/** A counted request: its event, and when it entered the total. */
export interface CountedRequest {
  readonly id: string;
  readonly source: string;
  readonly total: string;
  readonly a: string;
  readonly b: string;
  readonly sum: string;
  /** The event's own time, RFC 3339; null when it had none. */
  readonly time: string | null;
  /** When it was counted, RFC 3339. */
  readonly appliedAt: string;
}

export interface StatusOptions {
  /** The event's source, default `/functions/add`. */
  readonly source?: string | undefined;
  /** Waits so long for the request to be counted, default 0. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How long the server holds one request at most. */
const maxHoldMs = 10_000;
const timeoutMs = 10_000;
/** A read that keeps failing gives up after so many attempts, about a second; one that may wait after its wait. */
const maxAttempts = 4;
const pageSize = 500;

export class Accumulate {
  readonly #getter: JsonGetter;

  constructor(url: URL) {
    this.#getter = new JsonGetter(url);
  }

  /** @throws TallyError `not-found` when nothing was ever added to a total of this name */
  async total(name?: string): Promise<Total> {
    const path = `totals/${parseTotalName(name)}`;
    return (await retried(() => this.#getter.get(path, timeoutMs))) as Total;
  }

  /** All totals by name, page after page. */
  async *totals(): AsyncGenerator<Total, void, undefined> {
    for (let after: string | null = ''; after !== null;) {
      const query = new URLSearchParams({ limit: String(pageSize), ...(after !== '' && { after }) });
      const page = await retried(() => this.#getter.get(`totals?${query.toString()}`, timeoutMs));
      const { totals, next } = page as { totals: Total[]; next: string | null };
      yield* totals;
      after = next;
    }
  }

  /**
   * The request as it was counted, or undefined when it is not counted within `waitMs`.
   * @throws TallyError when nobody can say: `unavailable`, `timeout`, `refused`
   */
  async status(id: string, options: StatusOptions = {}): Promise<CountedRequest | undefined> {
    const { source, waitMs = 0, signal } = options;
    const path = `requests/${encodeURIComponent(id)}`;
    const deadline = performance.now() + waitMs;
    for (;;) {
      const holdMs = Math.round(Math.min(maxHoldMs, Math.max(0, deadline - performance.now())));
      const query = new URLSearchParams({
        ...(source !== undefined && { source }),
        ...(holdMs > 0 && { wait: `${holdMs}ms` }),
      });
      try {
        const text = query.size === 0 ? '' : `?${query.toString()}`;
        const read = () => this.#getter.get(`${path}${text}`, holdMs + timeoutMs, signal);
        return (await retried(read, { deadline, signal })) as CountedRequest;
      } catch (error) {
        if (!(error instanceof TallyError) || error.code !== 'not-found') throw error;
        if (performance.now() >= deadline) return undefined;
      }
    }
  }

  close(): void {
    this.#getter.close();
  }
}

async function retried<T>(
  read: () => Promise<T>,
  { deadline = 0, signal }: { deadline?: number; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await read();
    } catch (error) {
      const isLast = failures >= maxAttempts && performance.now() >= deadline;
      if (!(error instanceof TallyError) || !error.retryable || isLast) throw error;
      if (signal?.aborted === true) throw error;
    }
    // An interruption is noticed by the next attempt.
    await sleep(backoffMs(failures), undefined, { signal }).catch(() => undefined);
  }
}
