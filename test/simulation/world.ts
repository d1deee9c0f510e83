// The simulated world: one clock, one queue of what is to happen, one source of randomness. A step runs one task of one
// process to its end, with all promises that it resolves, before the next begins; so the same seed is the same run.

import { Dice } from './dice.ts';
import type { Profile } from './profile.ts';
import { ProcessEnded, SimProcess, type Thread } from './sim-process.ts';
import { type Task, TaskQueue } from './task-queue.ts';

/** When each run begins. */
const beginning = Date.UTC(2026, 0, 1);

/** A timer as Node gives one. */
export interface SimTimer {
  unref(): SimTimer;
  ref(): SimTimer;
}

export interface ScheduleOptions {
  /** Due at the same moment, it comes in the order in which it was scheduled. */
  readonly inOrder?: boolean;
  readonly isSynchronous?: boolean;
}

/** A violation of an invariant, or of what the simulation expects of every process. */
export interface Violation {
  readonly invariant: string;
  readonly message: string;
}

export class World {
  readonly seed: number;
  readonly dice: Dice;
  readonly profile: Profile;
  /** Milliseconds since the begin of the run. */
  now = 0;
  /** By how much the current step has blocked its thread. */
  elapsed = 0;
  steps = 0;
  /** Disk operations of the current step. */
  operations = 0;
  /** While it is set nothing goes wrong any more. */
  isCalm = false;
  readonly faults = new Map<string, number>();
  readonly violations: Violation[] = [];
  /** The lines of the run, when they are wanted. */
  readonly lines: string[] | undefined;
  /** Told of a process that ended by itself or by a fault in it. */
  onExit: (process: SimProcess) => void = () => undefined;
  /** By how much a wall clock has been ahead at the most. */
  largestSkewMs = 0;
  readonly #queue = new TaskQueue();
  #thread: Thread | undefined;
  /** The threads that are in the midst of a step. */
  readonly #running = new Set<Thread>();
  #order = 0;
  #processes = 0;
  #hash = 0x811c9dc5;

  constructor(seed: number, dice: Dice, profile: Profile, isTraced: boolean) {
    this.seed = seed;
    this.dice = dice;
    this.profile = profile;
    this.lines = isTraced ? [] : undefined;
  }

  /** The thread whose step runs. */
  get thread(): Thread {
    if (this.#thread === undefined) throw new Error('no simulated process is running');
    return this.#thread;
  }

  /** A number over everything that was noted. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  createProcess(name: string, options: { pid?: number; skewMs?: number } = {}): SimProcess {
    const number = ++this.#processes;
    const process = new SimProcess({
      name,
      number,
      pid: options.pid ?? 1,
      // No two processes begin at the very same instant.
      startedAt: this.now - number / 1_048_576,
    });
    this.setClock(process, options.skewMs ?? 0);
    return process;
  }

  setClock(process: SimProcess, skewMs: number): void {
    process.skewMs = skewMs;
    this.largestSkewMs = Math.max(this.largestSkewMs, skewMs);
  }

  /** What `Date.now()` says in the current process. */
  wallNow(process = this.thread.process): number {
    return Math.floor(beginning + this.now + this.elapsed + process.skewMs);
  }

  /** What `performance.now()` says in the current process. */
  monotonicNow(): number {
    const { process } = this.thread;
    return this.now + this.elapsed - process.startedAt - process.suspendedMs;
  }

  /** Runs `run` on the thread in `delayMs`, unless its process has ended by then. */
  schedule(thread: Thread, delayMs: number, run: () => void, options: ScheduleOptions = {}): Task {
    const task: Task = {
      at: this.now + this.elapsed + delayMs,
      tie: options.inOrder === true ? 0 : this.dice.next(),
      order: this.#order++,
      thread,
      run,
      isCancelled: !thread.process.isAlive,
      isSynchronous: options.isSynchronous === true,
    };
    if (!task.isCancelled) this.#queue.push(task);
    return task;
  }

  /** Runs steps until nothing is left to do, `isDone` says so, or `maxSteps` were run; says whether it was done. */
  run(isDone: () => boolean, maxSteps: number): boolean {
    for (let steps = 0; steps < maxSteps; steps++) {
      // After the first violation there is nothing more to learn.
      if (isDone() || this.violations.length > 0) return true;
      const task = this.#queue.pop();
      if (task === undefined) return isDone();
      if (task.isCancelled || !task.thread.process.isAlive) {
        steps--;
        continue;
      }
      if (task.thread.busyUntil > Math.max(task.at, this.now)) {
        // What waited for the thread comes in the order in which it was sent.
        task.at = task.thread.busyUntil;
        task.tie = 0;
        this.#queue.push(task);
        continue;
      }
      this.#step(task);
    }
    return false;
  }

  /** Runs code as if it were a step of the thread. */
  runOn(thread: Thread, run: () => void): void {
    this.#begin(thread);
    try {
      run();
    } catch (error) {
      this.uncaught(error);
    }
    drainMicrotasks();
    thread.busyUntil = this.now + this.elapsed;
    this.elapsed = 0;
    this.#running.clear();
    this.#thread = undefined;
  }

  /**
   * Runs a step of another thread in the midst of the current one, if there is one on its way that awaits nothing: it
   * has come sooner than it would have.
   */
  preempt(accepts: (thread: Thread) => boolean): void {
    const current = this.thread;
    const tasks = this.#queue.tasks.filter(
      (task) =>
        task.isSynchronous &&
        !task.isCancelled &&
        !this.#running.has(task.thread) &&
        task.thread.process.isAlive &&
        task.thread.busyUntil <= this.now + this.elapsed &&
        accepts(task.thread),
    );
    if (tasks.length === 0) return;
    const { thread } = this.dice.pick(tasks);
    // What was sent to one thread arrives there in order.
    const task = tasks.filter((each) => each.thread === thread).reduce((x, y) => (y.order < x.order ? y : x));
    task.isCancelled = true;
    this.count('steps in the midst of another');
    const elapsed = this.elapsed;
    this.#thread = thread;
    this.#running.add(thread);
    try {
      task.run();
    } catch (error) {
      this.uncaught(error);
    }
    this.#running.delete(thread);
    thread.busyUntil = this.now + this.elapsed;
    this.elapsed = elapsed;
    this.#thread = current;
  }

  /** Lets time pass in which nothing happens; what the threads that `isOf` names were to do stays as far off as it was. */
  leap(byMs: number, isOf: (thread: Thread) => boolean): void {
    this.now += byMs;
    this.#queue.delay(byMs, isOf);
  }

  /** What nobody caught ends the process, as it does in Node. */
  uncaught(error: unknown): void {
    const { thread } = this;
    if (error instanceof ProcessEnded || !thread.process.isAlive) return;
    if (thread.onError !== undefined) {
      thread.onError(error);
      return;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.violate('process', `${thread.process.name} ended with an uncaught error: ${text}`);
    this.endCurrent('uncaught error');
  }

  /** Ends the current process in the midst of its step, and unwinds it. */
  crash(reason: string): never {
    this.endCurrent(reason);
    throw new ProcessEnded();
  }

  endCurrent(reason: string): void {
    const { process } = this.thread;
    this.note('ends', process.number, () => `${process.name}: ${reason}`);
    process.end();
    this.onExit(process);
  }

  /** Counts a fault, or whatever else the report should have. */
  count(what: string, by = 1): void {
    this.faults.set(what, (this.faults.get(what) ?? 0) + by);
  }

  violate(invariant: string, message: string): void {
    this.violations.push({ invariant, message });
    this.note('violation', 0, () => `${invariant}: ${message}`);
  }

  /** Makes something part of the trace, and of its hash. */
  note(kind: string, value: number, detail?: () => string): void {
    let hash = this.#hash;
    for (let index = 0; index < kind.length; index++)
      hash = Math.imul(hash ^ kind.charCodeAt(index), 0x01000193);
    hash = Math.imul(hash ^ value, 0x01000193);
    hash = Math.imul(hash ^ Math.floor((this.now + this.elapsed) * 1_000), 0x01000193);
    this.#hash = hash;
    if (this.lines === undefined) return;
    const who = this.#thread?.process.name ?? '';
    const at = ((this.now + this.elapsed) / 1_000).toFixed(6).padStart(14);
    this.lines.push(`${at}  ${who.padEnd(14)} ${kind.padEnd(12)} ${detail?.() ?? value}`);
  }

  #begin(thread: Thread): void {
    this.#thread = thread;
    this.#running.add(thread);
    this.elapsed = 0;
    this.operations = 0;
    this.steps++;
  }

  #step(task: Task): void {
    this.now = Math.max(this.now, task.at);
    this.runOn(task.thread, task.run);
  }
}

/** Node's own, deprecated but kept: runs `process.nextTick` callbacks and promise reactions until none is left. */
const { _tickCallback: drainMicrotasks } = process as unknown as { _tickCallback: () => void };

let active: World | undefined;

/** The world of the run that goes on. */
export function world(): World {
  if (active === undefined) throw new Error('no simulation is running');
  return active;
}

export function isSimulating(): boolean {
  return active !== undefined;
}

export function enter(next: World | undefined): void {
  active = next;
}
