// `npm run fuzz [-- TARGET… --seconds N --seed N --keep]`: each fuzz target under libFuzzer, by jazzer.js, for N seconds
// (20), from its corpus on. An input that finds something is added to the corpus as `found-…` and makes this end with code
// 1; with --keep so are the inputs that reach something new, as few and small as possible. Says what was executed and
// covered.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { corpusOf, targets } from './corpus.ts';

const here = import.meta.dirname;
const root = join(here, '../..');
const jazzer = join(root, 'node_modules/@jazzer.js/core/dist/cli.js');
/** Readable by people, and long enough for every limit of a parser but those of bytes. */
const maxInputBytes = 2_048;

interface Run {
  readonly executions: number;
  /** Edges of the control flow that were taken. */
  readonly edges: number;
  /** Edges with how often, and values compared: what libFuzzer tells inputs apart by. */
  readonly features: number;
  readonly found: boolean;
}

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '0' },
    keep: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const wanted = positionals.length === 0 ? targets : positionals;
const unknown = wanted.filter((target) => !targets.includes(target));
if (unknown.length > 0) {
  process.stderr.write(`no such target: ${unknown.join(', ')}; there are ${targets.join(', ')}\n`);
  process.exit(64);
}

const work = mkdtempSync(join(tmpdir(), 'tally-fuzz-'));
try {
  for (const target of wanted) {
    const run = await fuzz(target);
    const coverage = `${run.edges} edges, ${run.features} features`;
    const outcome = run.found ? 'FOUND SOMETHING' : 'nothing found';
    process.stdout.write(`${target}: ${run.executions} executions, ${coverage}, ${outcome}\n`);
    if (run.found) process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true });
}

async function fuzz(target: string): Promise<Run> {
  const corpus = corpusOf(target);
  mkdirSync(corpus, { recursive: true });
  const inputs = join(work, target);
  mkdirSync(inputs);
  const output = await run(
    target,
    [inputs, corpus],
    [
      `-max_total_time=${values.seconds}`,
      `-seed=${values.seed}`,
      '-use_value_profile=1',
      '-print_final_stats=1',
    ],
  );
  const found = keepFindings(corpus);
  const [, edges = '0', features = '0'] = [...output.matchAll(/cov: (\d+) ft: (\d+)/g)].at(-1) ?? [];
  const executions = /number_of_executed_units: (\d+)/.exec(output)?.[1];
  if (executions === undefined && !found) throw new Error(`${target} did not run:\n${output}`);
  if (found) process.stderr.write(output.replaceAll(/^#.*\n/gm, ''));
  else if (values.keep) await minimise(target, corpus, inputs);
  return { executions: Number(executions ?? 0), edges: Number(edges), features: Number(features), found };
}

/** Replaces the corpus by the fewest and smallest inputs that reach what it and `inputs` reach; what has a name stays. */
async function minimise(target: string, corpus: string, inputs: string): Promise<void> {
  const merged = join(work, `${target}-merged`);
  mkdirSync(merged);
  await run(target, [merged, corpus, inputs], ['-merge=1']);
  const isUnnamed = (name: string) => /^[0-9a-f]{40}$/.test(name);
  for (const name of readdirSync(corpus).filter(isUnnamed)) rmSync(join(corpus, name));
  const known = new Set(readdirSync(corpus));
  for (const name of readdirSync(merged))
    if (!known.has(name)) renameSync(join(merged, name), join(corpus, name));
}

async function run(target: string, corpora: readonly string[], options: readonly string[]): Promise<string> {
  const isAsync = ['csv', 'reads', 'tar'].includes(target);
  // A file, because libFuzzer loses what it prints into a pipe that is full.
  const path = join(work, 'output');
  const log = openSync(path, 'w');
  const preloaded = ['older-glibc.ts', 'strip-types.ts'].map(
    (file) => `--import ${pathToFileURL(join(here, file)).href}`,
  );
  const child = spawn(
    process.execPath,
    [
      ...[jazzer, join(here, 'jazzer-target.js'), ...corpora, '--disable_bug_detectors=.*'],
      ...['functions', 'lib', 'local', 'client', 'test/fuzz/targets'].flatMap((folder) => [
        '-i',
        join(root, folder),
      ]),
      ...(isAsync ? [] : ['--sync']),
      ...['--', `-max_len=${maxInputBytes}`, '-timeout=10', '-rss_limit_mb=1024', ...options],
    ],
    {
      cwd: work,
      // By the environment, because a merge has processes of its own.
      env: {
        ...process.env,
        FUZZ_TARGET: target,
        NODE_OPTIONS: `--disable-warning=ExperimentalWarning --disable-warning=DEP0205 ${preloaded.join(' ')}`,
      },
      stdio: ['ignore', log, log],
    },
  );
  await once(child, 'close');
  closeSync(log);
  return readFileSync(path, 'latin1');
}

/** libFuzzer leaves what it found where it ran. */
function keepFindings(corpus: string): boolean {
  const names = readdirSync(work).filter((name) => /^(crash|timeout|oom|leak)-/.test(name));
  for (const name of names) {
    const kept = join(corpus, `found-${name}`);
    if (!existsSync(kept)) renameSync(join(work, name), kept);
  }
  return names.length > 0;
}
