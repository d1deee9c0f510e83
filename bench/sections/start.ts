// From the start of a function's process until its readiness probe answers 200, against the start and end of a Node
// that does nothing: in time, and in CPU time, which holds still where the machine is busy. As an image starts it; and
// from the sources with the compile cache that start.js keeps, as after the first start on a machine, and without.

import { execFile, execFileSync, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Bench } from '../bench.ts';
import { comparedFigure, type Figure, type Goal } from '../figure.ts';
import { type FunctionName, Process } from '../processes.ts';
import { pair } from '../stats.ts';

const names: readonly FunctionName[] = ['add', 'accumulate', 'log'];

/** One way to start, as it is at every run. */
interface Way {
  readonly name: string;
  readonly entry: string;
  readonly env: () => NodeJS.ProcessEnv;
  readonly runsPerRound: number;
  readonly goal?: Goal;
}

interface Start {
  readonly ms: number;
  /** Undefined where there is no /proc to read it from. */
  readonly cpuMs: number | undefined;
}

export async function measureStart(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  const ways = prepareWays(bench);
  for (const name of names) {
    for (const way of ways) {
      await timeStart(bench, name, way);
      const [ours, bare]: [Start[], Start[]] = [[], []];
      for (let run = 0; run < bench.settings.rounds * way.runsPerRound; run++) {
        ours.push(await timeStart(bench, name, way));
        bare.push(await timeBareNode());
      }
      bench.say(`${name}, ${way.name}: ${ours.map(({ ms }) => ms.toFixed(0)).join(' ')} ms`);
      figures.push(...compareStarts(`${name}, ${way.name}`, ours, bare, way.goal));
    }
  }
  return figures;
}

function prepareWays(bench: Bench): Way[] {
  const image = bench.makeDirectory();
  bench.say('what is in an image is put together');
  execFileSync(process.execPath, [fileURLToPath(new URL('../../image/build.ts', import.meta.url)), image]);
  const source = fileURLToPath(new URL('../../start.js', import.meta.url));
  const cache = bench.makeDirectory();
  return [
    {
      name: 'image',
      entry: join(image, 'dist/start.js'),
      env: () => ({ NODE_DISABLE_COMPILE_CACHE: '1' }),
      runsPerRound: 2,
      goal: { of: 'ratio', atMost: 6 },
    },
    // start.js keeps the cache in the temporary directory.
    {
      name: 'warm cache',
      entry: source,
      env: () => ({ TMPDIR: cache }),
      runsPerRound: 2,
      goal: { of: 'ratio', atMost: 8 },
    },
    { name: 'cold cache', entry: source, env: () => ({ TMPDIR: bench.makeDirectory() }), runsPerRound: 1 },
  ];
}

function compareStarts(name: string, ours: readonly Start[], bare: readonly Start[], goal?: Goal): Figure[] {
  const what = { section: 'start', name, boundName: 'node -e 0' };
  const time = pair(ours.map(toMs), bare.map(toMs));
  const figures = [comparedFigure({ ...what, unit: 'ms', ...(goal && { goal }) }, time)];
  const cpu = { ours: ours.map(toCpuMs), bare: bare.map(toCpuMs) };
  if (cpu.ours.every(isKnown) && cpu.bare.every(isKnown)) {
    figures.push(comparedFigure({ ...what, unit: 'ms CPU' }, pair(cpu.ours, cpu.bare)));
  }
  return figures;
}

const toMs = ({ ms }: Start): number => ms;
const toCpuMs = ({ cpuMs }: Start): number | undefined => cpuMs;
const isKnown = (ms: number | undefined): ms is number => ms !== undefined;

async function timeStart(bench: Bench, name: FunctionName, way: Way): Promise<Start> {
  const env = {
    PATH: process.env['PATH'],
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'error',
    DATA_DIR: bench.makeDirectory(),
    // Nobody is called.
    K_SINK: 'http://127.0.0.1:9/',
    SUBSCRIBER: 'http://127.0.0.1:9/',
    FUNCTION: name,
    ...way.env(),
  };
  const began = performance.now();
  const child = fork(way.entry, { env, stdio: ['ignore', 2, 2, 'ipc'] });
  const started = await new Process(name, child).listening();
  await started.ready();
  const ms = performance.now() - began;
  const cpuMs = readCpuMs(child.pid);
  await started.end();
  return { ms, cpuMs };
}

/** What all threads of a process have used so far: the first number of /proc/…/schedstat, in nanoseconds. */
function readCpuMs(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  const tasks = `/proc/${pid}/task`;
  const used = readdirSync(tasks).map((task) => readFileSync(join(tasks, task, 'schedstat'), 'utf8'));
  return used.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]), 0) / 1e6;
}

/** Its last act is to say what it used. */
async function timeBareNode(): Promise<Start> {
  const program = "require('fs').writeSync(1, JSON.stringify(process.cpuUsage()))";
  const began = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program]);
  const ms = performance.now() - began;
  const { user, system } = JSON.parse(stdout) as NodeJS.CpuUsage;
  return { ms, cpuMs: (user + system) / 1e3 };
}
