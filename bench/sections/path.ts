// The whole path, client to ledger, on this machine: adds per second that are counted, and what each process spends on
// one. The bound is the same client and add function with a sink that answers at once.

import { setTimeout as wait } from 'node:timers/promises';

import type { Bench } from '../bench.ts';
import { compare, figuresOf } from '../compare.ts';
import type { Figure } from '../figure.ts';
import type { LoadResult } from '../load.ts';
import type { Process } from '../processes.ts';
import { median } from '../stats.ts';
import { createGrpcLoad, startAdd } from './add.ts';
import { startAccumulate } from './ingest.ts';

export interface Path {
  readonly add: Process;
  readonly log: Process;
  readonly accumulate: Process;
}

const countedMs = 60_000;

export async function startPath(bench: Bench): Promise<Path> {
  const accumulate = await startAccumulate(bench, bench.makeDirectory());
  const log = await bench.processes.startFunction('log', {
    DATA_DIR: bench.makeDirectory(),
    SUBSCRIBER: `${accumulate.url}/`,
  });
  await log.ready();
  const add = await startAdd(bench, `${log.url}/default/sums`);
  return { add, log, accumulate };
}

/** Runs the load and waits until all of it is in the total. */
export async function runCounted({ accumulate }: Path, run: () => Promise<LoadResult>): Promise<LoadResult> {
  const before = await readCount(accumulate);
  const began = performance.now();
  const { operations } = await run();
  while ((await readCount(accumulate)) < before + operations) {
    if (performance.now() - began > countedMs) throw new Error(`not counted within ${countedMs} ms`);
    await wait(5);
  }
  return { operations, seconds: (performance.now() - began) / 1_000 };
}

async function readCount(accumulate: Process): Promise<number> {
  const response = await fetch(`${accumulate.url}/total`);
  const { count } = (await response.json()) as { count: number };
  return count;
}

export async function measurePath(bench: Bench): Promise<Figure[]> {
  const path = await startPath(bench);
  const sink = await bench.processes.startBench('sink.ts', '202');
  const alone = await startAdd(bench, sink.url);
  const load = await createGrpcLoad(bench);
  const others = [path.log, path.accumulate].map((process) => ({ process, cpuMicros: [] as number[] }));
  const run = async (): Promise<LoadResult> => {
    const before = await Promise.all(others.map(({ process }) => process.usage()));
    const result = await runCounted(path, load(path.add, 'AddAll'));
    for (const [index, { process, cpuMicros }] of others.entries()) {
      const used = (await process.usage()).cpuMicros - (before[index]?.cpuMicros ?? Number.NaN);
      cpuMicros.push(used / result.operations);
    }
    return result;
  };
  const comparison = await compare(
    bench,
    { name: 'path', serving: path.add, run },
    { name: 'add alone', serving: alone, run: load(alone, 'AddAll') },
  );
  const [rate, cpu] = figuresOf(
    { section: 'path', name: 'AddAll', boundName: 'into a sink at once' },
    comparison,
  );
  if (rate === undefined || cpu === undefined) throw new Error('nothing was measured');
  return [
    { ...rate, name: 'adds counted' },
    { ...cpu, name: 'add' },
    ...others.map(({ process: { name }, cpuMicros }) => ({
      section: 'path',
      name,
      unit: 'µs CPU',
      // What came before is the warm-up.
      value: median(cpuMicros.slice(-bench.settings.rounds)),
    })),
  ];
}
