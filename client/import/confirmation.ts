// Sees to it that every acknowledged row is in the total, by asking for each of them: events arrive in no order, other
// writers move the total, and so neither the last row nor the total's count would tell. Rows are asked for while the
// import still runs; what waits for an answer is bounded.

import { setTimeout as sleep } from 'node:timers/promises';

import type { CountedRequest } from '../accumulate.ts';
import type { OnRetry } from '../add.ts';
import { backoffMs } from '../backoff.ts';
import type { TallyClient } from '../client.ts';
import { Condition } from '../condition.ts';
import { TallyError } from '../tally-error.ts';
import type { RowAddition } from './row-reader.ts';

export interface ConfirmationOptions {
  readonly client: Pick<TallyClient, 'status'>;
  /** Gives up when no row became counted for so long although some wait. */
  readonly patienceMs: number;
  readonly onCounted: (row: RowAddition, counted: CountedRequest) => void;
  readonly onRetry?: OnRetry | undefined;
}

const workers = 32;
const maxWaiting = 10_000;
/** How long a row may keep a worker before the others get their turn: short at first, since most are counted by then. */
const firstHoldMs = 50;
const maxHoldMs = 2_000;

interface Waiting {
  readonly row: RowAddition;
  /** How often it was asked for in vain. */
  misses: number;
}

export class Confirmation {
  readonly #options: ConfirmationOptions;
  readonly #stopping = new AbortController();
  readonly #changed = new Condition();
  readonly #done: Promise<unknown>;
  readonly #waiting: Waiting[] = [];
  #asking = 0;
  #allAdded = false;
  #progressAt = performance.now();
  #lastError: TallyError | undefined;
  #gaveUp = false;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
    this.#done = Promise.all(Array.from({ length: workers }, () => this.#work()));
  }

  /** Takes an acknowledged row; resolves when there is room for the next. */
  async add(row: RowAddition): Promise<void> {
    if (this.#pending === 0) this.#progressAt = performance.now();
    this.#waiting.push({ row, misses: 0 });
    this.#changed.notify();
    while (this.#waiting.length >= maxWaiting && !this.#stopped) await this.#changed.wait();
  }

  /**
   * Resolves when every row is counted or patience has run out.
   * @returns how many rows were not seen in the total, and why the last look failed unless it saw a row not counted
   */
  async finish(): Promise<{ pending: number; lastError: TallyError | undefined }> {
    this.#allAdded = true;
    this.#changed.notify();
    await this.#done;
    return { pending: this.#pending, lastError: this.#lastError };
  }

  /** Looks no further. */
  stop(): void {
    this.#stopping.abort();
    this.#changed.notify();
  }

  get #stopped(): boolean {
    return this.#gaveUp || this.#stopping.signal.aborted;
  }

  get #patienceLeftMs(): number {
    return this.#progressAt + this.#options.patienceMs - performance.now();
  }

  get #pending(): number {
    return this.#waiting.length + this.#asking;
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const next = this.#waiting.shift();
      if (next === undefined) {
        if (this.#allAdded && this.#asking === 0) break;
        await this.#changed.wait();
        continue;
      }
      this.#asking++;
      const counted = await this.#ask(next);
      this.#asking--;
      if (counted === undefined) {
        next.misses++;
        this.#waiting.push(next);
        // What others still ask for gets its answer: that is bounded by the same patience.
        if (this.#patienceLeftMs <= 0) this.#gaveUp = true;
      } else {
        this.#progressAt = performance.now();
        this.#options.onCounted(next.row, counted);
      }
      this.#changed.notify();
    }
  }

  async #ask({ row, misses }: Waiting): Promise<CountedRequest | undefined> {
    const { client, onRetry } = this.#options;
    const { signal } = this.#stopping;
    try {
      const waitMs = Math.max(1, Math.min(maxHoldMs, firstHoldMs * 4 ** misses, this.#patienceLeftMs));
      const counted = await client.status(row.requestId, { waitMs, signal, onRetry });
      this.#lastError = undefined;
      return counted;
    } catch (error) {
      if (!(error instanceof TallyError)) throw error;
      // A look that was called off has seen nothing.
      if (signal.aborted) return undefined;
      this.#lastError = error;
      if (this.#patienceLeftMs > 0) {
        onRetry?.(error);
        const pauseMs = Math.min(backoffMs(misses + 1), this.#patienceLeftMs);
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      }
      return undefined;
    }
  }
}
