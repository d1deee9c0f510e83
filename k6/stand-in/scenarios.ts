// Virtual users and the three executors that the scripts use.

import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';

import type { Script } from './modules.ts';
import type { Registry } from './registry.ts';

interface Common {
  readonly exec?: string;
  /** How long iterations that have begun may go on. */
  readonly gracefulStop?: string;
}
export type Scenario = Common &
  (
    | { readonly executor: 'constant-vus'; readonly vus: number; readonly duration: string }
    | {
        readonly executor: 'per-vu-iterations';
        readonly vus: number;
        readonly iterations: number;
        readonly maxDuration: string;
      }
    | {
        readonly executor: 'constant-arrival-rate';
        readonly rate: number;
        readonly timeUnit: '1s';
        readonly duration: string;
        readonly preAllocatedVUs: number;
      }
  );

const userStorage = new AsyncLocalStorage<VirtualUser>();

/** Whose code runs. */
export function currentUser(): VirtualUser {
  const user = userStorage.getStore();
  if (user === undefined) throw new Error('only for functions that a virtual user runs');
  return user;
}

export class VirtualUser {
  readonly id: number;
  readonly #script: Script;
  readonly #registry: Registry;

  constructor(id: number, script: Script, registry: Registry) {
    this.id = id;
    this.#script = script;
    this.#registry = registry;
  }

  /** Calls something as this user. */
  async call<T>(what: () => T): Promise<Awaited<T>> {
    return await userStorage.run(this, what);
  }

  /** An error ends the iteration and nothing else, as in k6. */
  async iterate(name: string, data: unknown): Promise<void> {
    const body = this.#script[name];
    if (typeof body !== 'function') throw new Error(`the script has no function ${name}`);
    try {
      // Everybody gets a copy.
      await this.call(() => (body as Script['default'])(structuredClone(data)));
    } catch (error) {
      console.error(error);
    }
    this.#registry.add('counter', 'iterations', 1);
  }
}

/** Runs until the scenario is over and what has begun has ended, or its grace has. */
export async function runScenario(
  scenario: Scenario,
  makeUser: () => Promise<VirtualUser>,
  data: unknown,
  registry: Registry,
): Promise<void> {
  const makeUsers = (count: number) => Promise.all(Array.from({ length: count }, makeUser));
  const iterate = (user: VirtualUser) => user.iterate(scenario.exec ?? 'default', data);
  const graceMs = milliseconds(scenario.gracefulStop ?? '30s');
  switch (scenario.executor) {
    case 'constant-vus': {
      const users = await makeUsers(scenario.vus);
      const durationMs = milliseconds(scenario.duration);
      const until = performance.now() + durationMs;
      const work = users.map(async (user) => {
        while (performance.now() < until) await iterate(user);
      });
      await within(durationMs + graceMs, work);
      return;
    }
    case 'per-vu-iterations': {
      const users = await makeUsers(scenario.vus);
      const work = users.map(async (user) => {
        for (let i = 0; i < scenario.iterations; i++) await iterate(user);
      });
      await within(milliseconds(scenario.maxDuration) + graceMs, work);
      return;
    }
    case 'constant-arrival-rate': {
      const free = await makeUsers(scenario.preAllocatedVUs);
      const work: Promise<void>[] = [];
      const startedMs = performance.now();
      const total = Math.floor((milliseconds(scenario.duration) / 1_000) * scenario.rate);
      for (let begun = 0; begun < total; begun++) {
        const dueMs = startedMs + (begun * 1_000) / scenario.rate;
        if (dueMs > performance.now()) await wait(dueMs - performance.now());
        const user = free.shift();
        if (user === undefined) registry.add('counter', 'dropped_iterations', 1);
        else work.push(iterate(user).then(() => void free.push(user)));
      }
      await within(graceMs, work);
      return;
    }
  }
}

async function within(ms: number, work: readonly Promise<void>[]): Promise<void> {
  const timer = new AbortController();
  const over = wait(ms, 'over', { signal: timer.signal }).catch(() => undefined);
  const first = await Promise.race([Promise.all(work), over]);
  timer.abort();
  if (first === 'over') console.error('some iterations were given up: they took longer than gracefulStop');
}

/** k6's durations, as far as the scripts write them. */
export function milliseconds(text: string | number): number {
  if (typeof text === 'number') return text;
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  const ms = Number(amount) * (units[unit ?? ''] ?? NaN);
  if (Number.isNaN(ms)) throw new Error(`not a duration: ${text}`);
  return ms;
}
