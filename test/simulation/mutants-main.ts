// `npm run simulate:mutants`: makes each mistake in turn and runs seeds until the simulation finds it. Exit code 1 when one
// is not found.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

import { messageOf } from '../../lib/errors.ts';
import { readMutant, readWholeNumber } from './arguments.ts';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutants.ts';
import { runSeeds } from './run-seeds.ts';

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
  allowPositionals: true,
});

const chosen = positionals.length > 0 ? positionals.map(readMutant) : mutants;
const missed: string[] = [];
for (const mutant of chosen) {
  const { name, invariant } = mutant;
  const { found, line } = await look(mutant);
  if (!found) missed.push(name);
  process.stdout.write(`${invariant}  ${name.padEnd(60)} ${line}\n`);
}
process.stdout.write(`${chosen.length - missed.length} of ${chosen.length} mutants found\n`);
process.exitCode = missed.length > 0 ? 1 : 0;

async function look(mutant: Mutant): Promise<{ found: boolean; line: string }> {
  const { from, seeds, jobs } = values;
  try {
    const report = await runSeeds({
      from: Math.max(readWholeNumber('from', from), mutant.from ?? 1),
      seeds: readWholeNumber('seeds', seeds),
      jobs: readWholeNumber('jobs', jobs),
      mutant: mutant.name,
      stopsAtFirst: true,
    });
    const [seen] = report.failed[0]?.violations ?? [];
    const [what = ''] = seen === undefined ? ['NOT FOUND'] : `${seen.invariant}: ${seen.message}`.split('\n');
    return {
      found: seen !== undefined,
      line: `${String(report.seeds).padStart(6)} seeds  ${what.slice(0, 120)}`,
    };
  } catch (error) {
    return { found: false, line: messageOf(error) };
  }
}
