// Resident memory of each process: some seconds after its start, and the most that it had under load. The bound is a
// bare node:http server.

import { setTimeout as wait } from 'node:timers/promises';

import type { Bench } from '../bench.ts';
import type { Figure, Goal } from '../figure.ts';
import { createGrpcLoad } from './add.ts';
import { runCounted, startPath } from './path.ts';

const restMs = 3_000;
const megabyte = 1_000_000;
const goals: Readonly<Record<string, Goal>> = { add: { of: 'value', atMost: 90 } };

export async function measureMemory(bench: Bench): Promise<Figure[]> {
  // Once before, so that all find their modules compiled.
  await bench.processes.startBench('sink.ts', '204');
  await startPath(bench);
  await bench.processes.endAll();
  const bare = await bench.processes.startBench('sink.ts', '204');
  const path = await startPath(bench);
  bench.say('at rest');
  await wait(restMs);
  const bound = (await bare.usage()).rssBytes / megabyte;
  const compareTo = (value: number) => ({
    unit: 'MB',
    value,
    bound,
    ratio: value / bound,
    boundName: 'bare node:http',
  });
  const parts = [path.add, path.log, path.accumulate];
  const figures: Figure[] = [];
  for (const part of parts) {
    const { name } = part;
    const value = (await part.usage()).rssBytes / megabyte;
    const goal = goals[name];
    figures.push({ section: 'memory', name: `${name} at rest`, ...compareTo(value), ...(goal && { goal }) });
  }
  const run = (await createGrpcLoad(bench))(path.add, 'AddAll');
  for (let round = 1; round <= bench.settings.rounds; round++) {
    bench.say(`under load, round ${round}`);
    await runCounted(path, run);
  }
  for (const part of parts) {
    const value = (await part.usage()).peakRssBytes / megabyte;
    figures.push({ section: 'memory', name: `${part.name}, peak under load`, ...compareTo(value) });
  }
  return figures;
}
