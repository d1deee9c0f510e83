// Load that goes on while something is disturbed: callers that add random amounts, repeat until they know, and now and
// then ask once more as if the answer had been lost.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { status } from '@grpc/grpc-js';

import { createRandom } from '../random.ts';
import { until } from '../until.ts';
import { isOk } from './adder.ts';
import { Caller } from './caller.ts';
import type { Account } from './scenario.ts';
import type { Target } from './target.ts';

const usualWorkers = 24;
const attemptMs = 2_000;
const longestPauseMs = 50;
/** How long it may take until so many more requests are acknowledged. */
const growthMs = 180_000;

export class Load {
  readonly #caller: Caller;
  readonly #next: (below: number) => number;
  readonly #workers: Promise<unknown>;
  #stopping = false;
  readonly #failures: unknown[] = [];
  #cents = 0n;

  constructor(target: Target, label: string, seed: number, workers = usualWorkers) {
    this.#caller = new Caller(target, label);
    const random = createRandom(seed);
    this.#next = (below) => Math.floor(random() * below);
    this.#workers = Promise.all(Array.from({ length: workers }, () => this.#work())).catch(
      (error: unknown) => {
        this.#stopping = true;
        this.#failures.push(error);
      },
    );
  }

  /** Waits until so many more requests are acknowledged. @throws what ended the load, if anything has */
  async grow(requests: number): Promise<void> {
    const { acknowledged } = this.#caller;
    const enough = acknowledged.size + requests;
    const hasGrown = (): boolean => {
      this.check();
      return acknowledged.size >= enough;
    };
    await until(`${requests} more requests are acknowledged`, hasGrown, growthMs);
  }

  /** @throws what ended the load, if anything has */
  check(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Lets every caller come to its end, waits until everything is delivered, and compares. */
  async stop(): Promise<Account> {
    await this.abandon();
    this.check();
    return this.#caller.settle(formatCents(this.#cents));
  }

  /** Lets every caller come to its end. */
  async abandon(): Promise<void> {
    this.#stopping = true;
    await this.#workers;
  }

  async #work(): Promise<void> {
    const caller = this.#caller;
    const { addresses, paceMs } = caller.target;
    const another = () => ({
      address: this.#next(addresses),
      withinMs: attemptMs,
      pauseMs: this.#next(longestPauseMs),
    });
    while (!this.#stopping) {
      const cents = this.#next(2_000_000) - 1_000_000;
      const request = { requestId: randomUUID(), a: formatCents(BigInt(cents)), b: '0.01' };
      const { sum } = await caller.add(request, another);
      this.#cents += BigInt(cents) + 1n;
      assert.equal(sum, formatCents(BigInt(cents) + 1n));
      if (this.#next(10) === 0) {
        const again = await caller.attempt({ ...request, address: this.#next(addresses) }, attemptMs);
        assert.ok(isOk(again) || again.code !== status.ALREADY_EXISTS, 'an id means one thing');
      }
      if (paceMs > 0) await delay(paceMs);
    }
  }
}

/** As the total is written: no digit that is not needed. */
function formatCents(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
  const text = `${digits.slice(0, -2)}.${digits.slice(-2)}`.replace(/\.?0+$/, '');
  return `${cents < 0n ? '-' : ''}${text}`;
}
