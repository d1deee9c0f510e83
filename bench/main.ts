// `npm run bench`: measures in one run, each figure beside what bounds it. It measures and does not judge: a missed goal is
// printed as such and the exit code is 0.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

import { Bench, type Section } from './bench.ts';
import { type Figure, formatTable, isMet } from './figure.ts';
import { drawFigures } from './plot.ts';
import { measureAdd, measureAddAll } from './sections/add.ts';
import { measureIds } from './sections/ids.ts';
import { measureIngest } from './sections/ingest.ts';
import { measureLatency } from './sections/latency.ts';
import { measureMemory } from './sections/memory.ts';
import { measurePath } from './sections/path.ts';
import { measureRead } from './sections/read.ts';
import { measureStart } from './sections/start.ts';

const sections: ReadonlyMap<string, Section> = new Map([
  ['add', measureAdd],
  ['add-all', measureAddAll],
  ['latency', measureLatency],
  ['ingest', measureIngest],
  ['ids', measureIds],
  ['path', measurePath],
  ['memory', measureMemory],
  ['start', measureStart],
  ['read', measureRead],
]);

const usage = `npm run bench -- [SECTION…] [--rounds N] [--seconds S] [--ids N] [--json FILE] [--svg FILE]
sections: ${[...sections.keys()].join(', ')}; all of them unless named
`;

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      ids: { type: 'string', default: '10000000' },
      json: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const read = (name: 'rounds' | 'seconds' | 'ids', min: number, max: number): number => {
    const value = Number(values[name]);
    if (value >= min && value <= max) return value;
    throw new Error(`--${name} was ${values[name]}, should be from ${min} to ${max}`);
  };
  const unknown = positionals.find((name) => !sections.has(name));
  if (unknown !== undefined) throw new Error(`there is no section ${unknown}`);
  const settings = {
    rounds: Math.ceil(read('rounds', 1, 100)),
    seconds: read('seconds', 0.05, 60),
    ids: Math.ceil(read('ids', 1, 100_000_000)),
  };
  return {
    settings,
    names: positionals.length > 0 ? positionals : [...sections.keys()],
    file: values.json,
    picture: values.svg,
  };
}

let parsed: ReturnType<typeof readArguments>;
try {
  parsed = readArguments();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n${usage}`);
  process.exit(64);
}
const { settings, names, file, picture } = parsed;

const bench = new Bench(settings);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const figures: Figure[] = [];
for (const [name, section] of sections) {
  if (names.includes(name)) figures.push(...(await bench.run(name, section)));
}
const [cpu] = cpus();
const machine = `${cpus().length} × ${cpu?.model ?? ''}, Node ${process.version}, ${process.platform}`;
const method = `medians of ${settings.rounds} rounds of ${settings.seconds} s, ratios of the pairs`;
process.stdout.write(`${formatTable(figures)}\n${machine}; ${method}\n`);
if (picture !== undefined) writeFileSync(picture, drawFigures(figures));
if (file !== undefined) {
  const measured = figures.map((figure) => ({ ...figure, met: isMet(figure) }));
  writeFileSync(file, `${JSON.stringify({ machine, settings, figures: measured }, undefined, 2)}\n`);
}
