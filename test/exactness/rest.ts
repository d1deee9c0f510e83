// Reads of accumulate over REST, straight or through a gateway that routes by the Host header.

import { setTimeout as delay } from 'node:timers/promises';

import { Pool } from 'undici';

import type { CountedRequest, TotalState } from './target.ts';

/** What one GET waits for at the most, holding included. */
const attemptMs = 20_000;
const holdMs = 10_000;
/** How long a read is repeated while nobody answers it. */
const patienceMs = 60_000;
const pauseMs = 100;

export class RestReads {
  readonly #pool: Pool;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param host what the gateway routes by, when it is not the address's host */
  constructor(url: string, host?: string) {
    this.#pool = new Pool(url, { connections: 64, headersTimeout: attemptMs, bodyTimeout: attemptMs });
    this.#headers = { accept: 'application/json', ...(host !== undefined && { host }) };
  }

  async total(name: string): Promise<TotalState> {
    const total = await this.#get<TotalState>(`/totals/${name}`);
    return total ?? { total: '0', count: 0, version: 0 };
  }

  async find(requestId: string, waitMs: number): Promise<CountedRequest | undefined> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const leftMs = Math.max(0, Math.min(holdMs, deadline - Date.now()));
      const found = await this.#get<CountedRequest>(`/requests/${requestId}?wait=${leftMs}ms`);
      if (found !== undefined || Date.now() >= deadline) return found;
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  /** Undefined when accumulate says that there is none. A read changes nothing, so it is repeated until answered. */
  async #get<T>(path: string): Promise<T | undefined> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const answer = await this.#attempt(path);
      if ('value' in answer) return answer.value as T | undefined;
      if (Date.now() > deadline) throw new Error(`GET ${path} was not answered: ${answer.problem}`);
      await delay(pauseMs);
    }
  }

  async #attempt(path: string): Promise<{ readonly value: unknown } | { readonly problem: string }> {
    try {
      const { statusCode, body } = await this.#pool.request({
        path,
        method: 'GET',
        headers: this.#headers,
      });
      const text = await body.text();
      if (statusCode === 200) return { value: JSON.parse(text) };
      // Any other 404 is a gateway's, or that of a wrong path.
      const isWord = statusCode === 404 && text.includes('"urn:tally:problem:not-found"');
      return isWord ? { value: undefined } : { problem: `${statusCode} ${text}` };
    } catch (error) {
      return { problem: String(error) };
    }
  }
}
