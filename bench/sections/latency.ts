// How long an `Add` takes under half the load that it holds, against the bound of the section `add` at the same rate.

import type { Bench } from '../bench.ts';
import { comparedFigure, type Figure } from '../figure.ts';
import { median, pair } from '../stats.ts';
import { createGrpcLoad, startAdd } from './add.ts';

const warmUpRuns = 2;

export async function measureLatency(bench: Bench): Promise<Figure[]> {
  const sink = await bench.processes.startBench('sink.ts', '202');
  const add = await startAdd(bench, sink.url);
  const bare = await bench.processes.startBench('noop-adder.ts', sink.url);
  const load = await createGrpcLoad(bench);
  const rates: number[] = [];
  for (let run = 0; run <= warmUpRuns; run++) {
    await load(bare, 'Add')();
    const { operations, seconds } = await load(add, 'Add')();
    rates.push(operations / seconds);
  }
  const half = Math.round(median(rates.slice(warmUpRuns)) / 2);
  const [ours, bound]: [number[], number[]] = [[], []];
  for (let round = 1; round <= bench.settings.rounds; round++) {
    for (const [adder, times] of [[add, ours] as const, [bare, bound] as const]) {
      const { p99Ms = Number.NaN } = await load(adder, 'Add', half)();
      times.push(p99Ms);
      bench.say(
        `round ${round}, ${adder === add ? 'Add' : 'bare adder'} at ${half}/s: p99 ${p99Ms.toFixed(1)} ms`,
      );
    }
  }
  const what = {
    section: 'latency',
    name: 'p99 of Add at half load',
    unit: 'ms',
    boundName: 'no-op gRPC + bare POST',
  };
  return [comparedFigure({ ...what, goal: { of: 'ratio', atMost: 4 } }, pair(ours, bound))];
}
