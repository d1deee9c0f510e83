// Runs many seeds in child processes, each on a core of its own.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Answer, Task } from './child.ts';
import { Report, type Summary } from './report.ts';

/** Seeds that a child is given at one time. */
const seedsPerTask = 10;

const child = fileURLToPath(new URL('child.ts', import.meta.url));
const register = new URL('register.ts', import.meta.url).href;

export interface RunOptions {
  readonly from: number;
  readonly seeds: number;
  readonly jobs: number;
  /** The name of a mistake to make in the product's code. */
  readonly mutant?: string | undefined;
  readonly isTraced?: boolean;
  readonly stopsAtFirst?: boolean;
  /** Told after each seed. */
  readonly onSeed?: (report: Report, summary: Summary, lines: readonly string[]) => void;
}

/**
 * Runs the seeds from one on.
 * @throws Error when a child ends in the middle
 */
export async function runSeeds(options: RunOptions): Promise<Report> {
  const report = new Report();
  let next = options.from;
  const end = options.from + options.seeds;
  const { isTraced = false, stopsAtFirst = false } = options;
  const takeTask = (): Task | undefined => {
    if (next >= end || (stopsAtFirst && report.failed.length > 0)) return undefined;
    const seeds = Array.from({ length: Math.min(seedsPerTask, end - next) }, () => next++);
    return { seeds, isTraced, stopsAtFirst };
  };
  const jobs = Math.min(options.jobs, Math.ceil(options.seeds / seedsPerTask));
  await Promise.all(
    Array.from({ length: jobs }, () =>
      runChild(options, takeTask, (answer) => {
        report.add(answer.summary);
        options.onSeed?.(report, answer.summary, answer.lines);
      }),
    ),
  );
  return report;
}

function runChild(
  { mutant = '' }: RunOptions,
  takeTask: () => Task | undefined,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  const started: ChildProcess = fork(child, {
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', register],
    env: { ...process.env, SIMULATION_MUTANT: mutant },
  });
  return new Promise((resolve, reject) => {
    let seeds: readonly number[] = [];
    const giveTask = (): void => {
      const task = takeTask();
      seeds = task?.seeds ?? [];
      if (task === undefined) started.disconnect();
      else started.send(task);
    };
    started.on('message', (answer: Answer) => {
      onAnswer(answer);
      if (answer.isLast) giveTask();
    });
    started.once('error', reject);
    started.once('exit', (code, signal) => {
      if (seeds.length === 0) resolve();
      else
        reject(
          new Error(`a child ended with ${code ?? signal ?? ''} in one of the seeds ${seeds.join(', ')}`),
        );
    });
    giveTask();
  });
}
