// `npm run simulate`: runs seeds, shows how far it is, and reports. Exit code 1 when an invariant was violated.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

import { readMutant, readWholeNumber } from './arguments.ts';
import { formatFailure } from './report.ts';
import { runSeeds } from './run-seeds.ts';

const usage = `Usage: npm run simulate -- [--seeds N] [--from SEED] [--jobs N] [--seed SEED [--trace]] [--mutant NAME]

--seeds   how many to run, by default 1000, from --from on, by default 1
--jobs    processes, by default one for each core
--seed    one alone; --trace prints all that happens in it
--mutant  with this mistake in the product's code (test/simulation/mutants.ts)
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const seeds = values.seed === undefined ? readWholeNumber('seeds', values.seeds) : 1;
const mutant = values.mutant === undefined ? undefined : readMutant(values.mutant).name;
let shownAt = performance.now();
const report = await runSeeds({
  from: readWholeNumber('seed', values.seed ?? values.from),
  seeds,
  jobs: readWholeNumber('jobs', values.jobs),
  mutant,
  isTraced: values.trace,
  onSeed: (soFar, summary, lines) => {
    if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
    if (summary.violations.length > 0) process.stdout.write(`${formatFailure(summary, mutant)}\n`);
    if (performance.now() - shownAt < 2_000) return;
    shownAt = performance.now();
    process.stderr.write(`${soFar.progress(seeds)}\n`);
  },
});
process.stdout.write(`${report.format()}\n`);
process.exitCode = report.failed.length > 0 ? 1 : 0;
