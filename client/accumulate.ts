// What is counted, read from accumulate's REST interface. Reads are repeated when they fail for the moment: they
// change nothing.

import { setTimeout as sleep } from 'node:timers/promises';

import { parseTotalName } from '../lib/names.ts';
import type { OnRetry } from './add.ts';
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

export interface ReadOptions {
  /** The time for all attempts together, default 10 s. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: OnRetry | undefined;
}

export interface StatusOptions extends Omit<ReadOptions, 'deadlineMs'> {
  /** The event's source, default `/functions/add`. */
  readonly source?: string | undefined;
  /** Waits so long for the request to be counted, default 0. It bounds all attempts together. */
  readonly waitMs?: number | undefined;
}

/** How long the server holds one request at most. */
const maxHoldMs = 10_000;
/** One attempt's time, beyond what it asks the server to hold it. */
const attemptMs = 5_000;
const readMs = 10_000;
/** No attempt begins after the deadline; what was asked for by then has so long to arrive. */
const graceMs = 1_000;
/** A read that may not wait gives up after so many attempts that fail at once, about a second. */
const maxAttempts = 4;
const pageSize = 500;

export class Accumulate {
  readonly #getter: JsonGetter;

  constructor(url: URL) {
    this.#getter = new JsonGetter(url);
  }

  /** @throws TallyError `not-found` when nothing was ever added to a total of this name */
  async total(name?: string, options: ReadOptions = {}): Promise<Total> {
    return (await this.#read(`totals/${parseTotalName(name)}`, options)) as Total;
  }

  /** All totals by name, page after page; the options are those of each page. */
  async *totals(options: ReadOptions = {}): AsyncGenerator<Total, void, undefined> {
    for (let after: string | null = ''; after !== null;) {
      const query = new URLSearchParams({ limit: String(pageSize), ...(after !== '' && { after }) });
      const page = await this.#read(`totals?${query.toString()}`, options);
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
    const { source, waitMs = 0, ...rest } = options;
    const path = `requests/${encodeURIComponent(id)}`;
    const query = new URLSearchParams(source === undefined ? {} : { source });
    const deadline = performance.now() + waitMs;
    const find = (): Promise<unknown> => {
      if (waitMs <= 0) return this.#read(withQuery(path, query), rest);
      return retried(
        (leftMs) => {
          const holdMs = Math.min(maxHoldMs, Math.max(1, Math.round(deadline - performance.now())));
          query.set('wait', `${holdMs}ms`);
          const timeoutMs = Math.min(holdMs + attemptMs, leftMs);
          return this.#getter.get(withQuery(path, query), timeoutMs, rest.signal);
        },
        { ...rest, deadline, maxAttempts: Infinity },
      );
    };
    for (;;) {
      try {
        return (await find()) as CountedRequest;
      } catch (error) {
        if (!(error instanceof TallyError) || error.code !== 'not-found') throw error;
        if (performance.now() >= deadline) return undefined;
      }
    }
  }

  close(): void {
    this.#getter.close();
  }

  /** A read that the server answers at once. */
  #read(path: string, { deadlineMs = readMs, signal, onRetry }: ReadOptions): Promise<unknown> {
    return retried((leftMs) => this.#getter.get(path, Math.min(attemptMs, leftMs), signal), {
      ...{ deadline: performance.now() + deadlineMs, maxAttempts, signal, onRetry },
    });
  }
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

interface Bounds {
  /** When the last attempt may begin, on the clock of `performance`. */
  readonly deadline: number;
  readonly maxAttempts: number;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: OnRetry | undefined;
}

/** @param read one attempt, with the time that is left for it */
async function retried<T>(
  read: (leftMs: number) => Promise<T>,
  { deadline, maxAttempts, signal, onRetry }: Bounds,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    const waitMs = backoffMs(failures);
    try {
      return await read(Math.max(graceMs, deadline + graceMs - performance.now()));
    } catch (error) {
      if (!(error instanceof TallyError) || !error.retryable) throw error;
      const isLast = failures >= maxAttempts || performance.now() + waitMs >= deadline;
      if (isLast || signal?.aborted === true) throw error;
      onRetry?.(error);
    }
    // An interruption is noticed by the next attempt.
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
