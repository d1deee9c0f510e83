// A child process of the simulation: runs the seeds that it is told to and tells what came of each. Started with register.ts.

import { simulate } from './simulation.ts';
import type { Summary } from './report.ts';

/** Which seeds to run, one after the other, and whether to give the lines of the run. */
export interface Task {
  readonly seeds: readonly number[];
  readonly isTraced: boolean;
  /** Whether the first violation is enough. */
  readonly stopsAtFirst: boolean;
}

export interface Answer {
  readonly summary: Summary;
  readonly lines: readonly string[];
  /** It was the last one of its task. */
  readonly isLast: boolean;
}

process.on('message', ({ seeds, isTraced, stopsAtFirst }: Task) => {
  // Outside of promises and of nextTick, whose queues each step drains.
  setImmediate(() => {
    for (const seed of seeds) {
      const { lines, faults, ...rest } = simulate(seed, isTraced);
      const isLast = seed === seeds.at(-1) || (stopsAtFirst && rest.violations.length > 0);
      process.send?.({ summary: { ...rest, faults: [...faults] }, lines, isLast } satisfies Answer);
      if (isLast) return;
    }
  });
});
