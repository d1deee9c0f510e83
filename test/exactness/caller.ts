// A caller as callers should be: one id for each logical request, called again with it until the answer is known. It
// adds to a total of its own and, at the end, knows to the last digit what must be in it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { status } from '@grpc/grpc-js';

import type { AddResponse__Output } from '../../proto/generated/tally/v1/AddResponse.ts';
import { type Attempt, isOk } from './adder.ts';
import type { Account } from './scenario.ts';
import type { Target } from './target.ts';

export interface Addition {
  readonly a: string;
  readonly b?: string;
  /** A new one unless given. */
  readonly requestId?: string;
  /** Which address of the add function to call; 0 unless given. */
  readonly address?: number;
}

const deadlineMs = 20_000;
/** How long a request is repeated before the system counts as broken. */
const patienceMs = 180_000;
/** How long a request that was acknowledged may take to be counted. */
export const countedMs = 120_000;
/** How many of the acknowledged requests are looked up one by one. */
const lookups = 20;

/** Answers that the same request will get again. */
const final: ReadonlySet<status> = new Set([status.INVALID_ARGUMENT, status.ALREADY_EXISTS]);

export class Caller {
  readonly target: Target;
  /** The name of its total. */
  readonly name: string;
  readonly acknowledged = new Set<string>();
  attempts = 0;
  /** Attempts without an answer that settles anything, by what they ended with. */
  readonly failures: Record<string, number> = {};

  /** @param label what the name of its total begins with */
  constructor(target: Target, label: string) {
    this.target = target;
    this.name = `${label}-${randomUUID().slice(0, 8)}`;
  }

  /** One attempt. */
  async attempt(addition: Addition, withinMs = deadlineMs): Promise<Attempt> {
    const { a, b = '0', requestId = randomUUID(), address = 0 } = addition;
    this.attempts++;
    const attempt = await this.target.add(address, { requestId, a, b, total: this.name }, withinMs);
    if (isOk(attempt)) {
      assert.equal(attempt.requestId, requestId);
      this.acknowledged.add(requestId);
    } else if (!final.has(attempt.code)) {
      const name = status[attempt.code];
      this.failures[name] = (this.failures[name] ?? 0) + 1;
    }
    return attempt;
  }

  /**
   * Adds, with as many attempts as it takes.
   * @param another gives the address and the deadline of each attempt
   */
  async add(
    addition: Addition,
    another = () => ({ address: addition.address ?? 0, withinMs: deadlineMs, pauseMs: 50 }),
  ): Promise<AddResponse__Output> {
    const request = { ...addition, requestId: addition.requestId ?? randomUUID() };
    const givenUpAt = Date.now() + patienceMs;
    for (;;) {
      const { address, withinMs, pauseMs } = another();
      const attempt = await this.attempt({ ...request, address }, withinMs);
      if (isOk(attempt)) return attempt;
      const said = `${request.requestId}: ${attempt.code} ${attempt.message}`;
      assert.ok(!final.has(attempt.code), `refused ${said}`);
      assert.ok(Date.now() < givenUpAt, `not answered in ${patienceMs} ms, ${said}`);
      await delay(pauseMs);
    }
  }

  /** Adds all of them, over all addresses in turn, as many at one time as the target allows. */
  async addAll(additions: readonly Addition[]): Promise<AddResponse__Output[]> {
    const { atOnce, addresses } = this.target;
    const answers: AddResponse__Output[] = [];
    const waiting = additions.entries();
    const work = async (): Promise<void> => {
      for (const [n, addition] of waiting) {
        answers[n] = await this.add({ address: n % addresses, ...addition });
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, additions.length) }, work));
    return answers;
  }

  /** Waits until everything is delivered and compares. */
  async settle(
    total: string,
    {
      maxRecords = Infinity,
      minRecords = this.acknowledged.size,
      deadLetters = [],
    }: {
      readonly maxRecords?: number;
      readonly minRecords?: number;
      readonly deadLetters?: readonly string[];
    } = {},
  ): Promise<Account> {
    const { name, target, attempts, failures, acknowledged } = this;
    await target.settled(acknowledged);
    const count = acknowledged.size;
    const state = await target.total(name);
    assert.deepEqual({ total: state.total, count: state.count }, { total, count }, `the total ${name}`);
    for (const requestId of [...acknowledged].slice(0, lookups)) {
      const found = await target.find(requestId, 0);
      assert.equal(found?.total, name, `the acknowledged request ${requestId} is counted`);
    }
    const unknown = Object.values(failures).reduce((sum, number) => sum + number, 0);
    const records = [minRecords, maxRecords] as const;
    return { name, total, count, attempts, unknown, failures, records, deadLetters };
  }
}
