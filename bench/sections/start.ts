// From the start of a function's process until its readiness probe answers 200, against the start and end of a Node
// that does nothing. With the compile cache that start.js keeps, as after the first start on a machine; and without.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Bench } from '../bench.ts';
import { comparedFigure, type Figure } from '../figure.ts';
import type { FunctionName } from '../processes.ts';
import { pair } from '../stats.ts';

const names: readonly FunctionName[] = ['add', 'accumulate', 'log'];
const warmRunsPerRound = 2;

export async function measureStart(bench: Bench): Promise<Figure[]> {
  const { rounds } = bench.settings;
  const runs = { warm: rounds * warmRunsPerRound, cold: rounds };
  const warmCache = bench.makeDirectory();
  const figures: Figure[] = [];
  for (const name of names) {
    await timeStart(bench, name, warmCache);
    for (const cache of ['warm', 'cold'] as const) {
      const [ours, bare]: [number[], number[]] = [[], []];
      for (let run = 0; run < runs[cache]; run++) {
        ours.push(await timeStart(bench, name, cache === 'warm' ? warmCache : bench.makeDirectory()));
        bare.push(await timeBareNode());
      }
      bench.say(`${name}, ${cache} compile cache: ${ours.map((ms) => ms.toFixed(0)).join(' ')} ms`);
      const what = { section: 'start', name: `${name}, ${cache} cache`, unit: 'ms', boundName: 'node -e 0' };
      const paired = pair(ours, bare);
      figures.push(
        cache === 'warm'
          ? comparedFigure({ ...what, goal: { of: 'ratio', atMost: 8 } }, paired)
          : comparedFigure(what, paired),
      );
    }
  }
  return figures;
}

/** Milliseconds. */
async function timeStart(bench: Bench, name: FunctionName, cache: string): Promise<number> {
  const { processes } = bench;
  const env = {
    // start.js keeps the cache there.
    TMPDIR: cache,
    DATA_DIR: bench.makeDirectory(),
    // Nobody is called.
    K_SINK: 'http://127.0.0.1:9/',
    SUBSCRIBER: 'http://127.0.0.1:9/',
  };
  const began = performance.now();
  const started = await processes.startFunction(name, env, false);
  await started.ready();
  const ms = performance.now() - began;
  await processes.end(started);
  return ms;
}

async function timeBareNode(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - began;
}
