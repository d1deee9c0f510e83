// Two sides measured in turns, A B A B, after each was warmed up: rate, and CPU time of the serving process by its own
// account.

import type { Bench } from './bench.ts';
import { comparedFigure, type Figure, type Goal } from './figure.ts';
import type { LoadResult } from './load.ts';
import type { Process } from './processes.ts';
import { pair } from './stats.ts';

export interface Side {
  readonly name: string;
  /** The process whose CPU time counts. */
  readonly serving: Process;
  readonly run: () => Promise<LoadResult>;
}

export interface Sample {
  /** Operations per second. */
  readonly rate: number;
  /** CPU time of the serving process for one operation. */
  readonly cpuMicros: number;
}

export interface Comparison {
  readonly ours: readonly Sample[];
  readonly bound: readonly Sample[];
}

/** The compiler goes on improving for some ten thousand operations. */
const warmUpRuns = 2;

export async function compare(bench: Bench, ours: Side, bound: Side): Promise<Comparison> {
  const samples = { ours: [] as Sample[], bound: [] as Sample[] };
  for (const side of [ours, bound]) {
    bench.say(`${side.name}: warming up`);
    for (let run = 0; run < warmUpRuns; run++) await side.run();
  }
  for (let round = 1; round <= bench.settings.rounds; round++) {
    for (const [key, side] of [['ours', ours] as const, ['bound', bound] as const]) {
      const sample = await measure(side);
      samples[key].push(sample);
      const cpu = sample.cpuMicros.toFixed(1);
      bench.say(`round ${round}, ${side.name}: ${sample.rate.toFixed(0)}/s, CPU ${cpu} µs each`);
    }
  }
  return samples;
}

async function measure({ serving, run }: Side): Promise<Sample> {
  const before = await serving.usage();
  const { operations, seconds } = await run();
  const after = await serving.usage();
  return { rate: operations / seconds, cpuMicros: (after.cpuMicros - before.cpuMicros) / operations };
}

/** Rate and CPU of a comparison, each with its goal if it has one. */
export function figuresOf(
  what: Pick<Figure, 'section' | 'name'> & { readonly boundName: string },
  { ours, bound }: Comparison,
  goals: { readonly rate?: Goal; readonly cpu?: Goal } = {},
): Figure[] {
  const rates = pair(
    ours.map(({ rate }) => rate),
    bound.map(({ rate }) => rate),
  );
  const cpus = pair(
    ours.map(({ cpuMicros }) => cpuMicros),
    bound.map(({ cpuMicros }) => cpuMicros),
  );
  return [
    comparedFigure({ ...what, unit: '/s', ...(goals.rate && { goal: goals.rate }) }, rates),
    comparedFigure({ ...what, unit: 'µs CPU', ...(goals.cpu && { goal: goals.cpu }) }, cpus),
  ];
}
