// What the product takes from the global object, simulated: clocks, timers, randomness, and the end of the process. The
// real ones serve as long as no simulation runs. Imported before anything of the product.

import * as http from './modules/http.ts';
import { ProcessEnded } from './sim-process.ts';
import type { Task } from './task-queue.ts';
import { isSimulating, type SimTimer, world } from './world.ts';

const realDate = Date;
const real = {
  dateNow: Date.now,
  performanceNow: performance.now.bind(performance),
  random: Math.random,
  randomUUID: crypto.randomUUID.bind(crypto),
  wait: Atomics.wait.bind(Atomics) as (...parts: unknown[]) => unknown,
  exit: process.exit.bind(process),
  getBuiltinModule: process.getBuiltinModule.bind(process),
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  clearImmediate: globalThis.clearImmediate,
};

/** The moment of the current process, or the given one. */
class SimDate extends realDate {
  constructor(...parts: unknown[]) {
    if (parts.length > 0) super(...(parts as [number]));
    else if (isSimulating()) super(world().wallNow());
    else super();
  }

  static override now(): number {
    return isSimulating() ? world().wallNow() : real.dateNow();
  }
}

type Callback = (...parts: unknown[]) => void;

/** A timer of the current process. */
class Timer implements SimTimer {
  task: Task | undefined;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  clear(): void {
    if (this.task !== undefined) this.task.isCancelled = true;
    this.task = undefined;
  }
}

/** Node's timers are up to a millisecond late. */
function startTimer(callback: Callback, delayMs: unknown, parts: unknown[]): Timer {
  const timer = new Timer();
  const delay = Math.max(1, Math.floor(Number(delayMs ?? 0)) || 0) + world().dice.next();
  timer.task = world().schedule(world().thread, delay, () => {
    timer.task = undefined;
    callback(...parts);
  });
  return timer;
}

function startInterval(callback: Callback, delayMs: unknown, parts: unknown[]): Timer {
  const timer = new Timer();
  const delay = Math.max(1, Number(delayMs ?? 0));
  const { thread } = world();
  const next = (): void => {
    timer.task = world().schedule(thread, delay + world().dice.next(), () => {
      next();
      callback(...parts);
    });
  };
  next();
  return timer;
}

export function startImmediate(callback: Callback, ...parts: unknown[]): SimTimer {
  const timer = new Timer();
  timer.task = world().schedule(
    world().thread,
    0,
    () => {
      callback(...parts);
    },
    { inOrder: true },
  );
  return timer;
}

/** Blocks the current thread, for so long that others may get on. */
function pause(timeoutMs: number): void {
  world().elapsed += timeoutMs;
}

function clear(realClear: (timer?: never) => void) {
  return (timer: unknown): void => {
    if (timer instanceof Timer) timer.clear();
    else realClear(timer as never);
  };
}

function replace(target: object, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
}

replace(globalThis, {
  Date: SimDate,
  setTimeout: (callback: Callback, delayMs?: number, ...parts: unknown[]) =>
    isSimulating() ? startTimer(callback, delayMs, parts) : real.setTimeout(callback, delayMs, ...parts),
  setInterval: (callback: Callback, delayMs?: number, ...parts: unknown[]) =>
    isSimulating() ? startInterval(callback, delayMs, parts) : real.setInterval(callback, delayMs, ...parts),
  setImmediate: (callback: Callback, ...parts: unknown[]) =>
    isSimulating() ? startImmediate(callback, ...parts) : real.setImmediate(callback, ...parts),
  clearTimeout: clear(real.clearTimeout),
  clearInterval: clear(real.clearInterval),
  clearImmediate: clear(real.clearImmediate),
});
replace(performance, { now: () => (isSimulating() ? world().monotonicNow() : real.performanceNow()) });
replace(Math, { random: () => (isSimulating() ? world().dice.next() : real.random()) });
replace(crypto, { randomUUID: () => (isSimulating() ? simulatedUuid() : real.randomUUID()) });
replace(Atomics, {
  wait: (array: unknown, index: unknown, value: unknown, timeoutMs: number) => {
    if (!isSimulating()) return real.wait(array, index, value, timeoutMs);
    pause(timeoutMs);
    return 'timed-out';
  },
});
replace(process, {
  exit: (code: number): never => (isSimulating() ? world().crash(`exit with code ${code}`) : real.exit(code)),
  getBuiltinModule: (name: string): unknown => (name === 'node:http' ? http : real.getBuiltinModule(name)),
});
const { pid } = process;
Object.defineProperty(process, 'pid', {
  get: () => (isSimulating() ? world().thread.process.pid : pid),
  configurable: true,
});

process.on('unhandledRejection', (error) => {
  if (!isSimulating()) throw error;
  if (!(error instanceof ProcessEnded)) world().uncaught(error);
});

/** A version 4 UUID. */
export function simulatedUuid(): string {
  const { dice } = world();
  const hex = (digits: number): string =>
    Math.floor(dice.next() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`;
}
