// The simulation finds nothing in the code as it is, the same thing each time, and mistakes that are made in it. CI runs
// more seeds (`npm run simulate`) and every mistake (`npm run simulate:mutants`).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from '@jest/globals';

import { applyMutant } from './simulation/mutant.ts';
import { mutants } from './simulation/mutants.ts';
import { formatFailure } from './simulation/report.ts';
import { runSeeds } from './simulation/run-seeds.ts';

const jobs = 2;
/** For a machine that has much else to do. */
const patienceMs = 900_000;

test(
  'I1 to I7 hold in every simulated run',
  async () => {
    const report = await runSeeds({ from: 1, seeds: 300, jobs });
    expect(report.failed.map((summary) => formatFailure(summary))).toEqual([]);
    expect(report.seeds).toBe(300);
  },
  patienceMs,
);

test(
  'the same seed is the same run, whatever ran before it',
  async () => {
    const hashes = async (from: number, seeds: number, processes: number): Promise<Map<number, number>> => {
      const found = new Map<number, number>();
      const onSeed = (_report: unknown, { seed, hash }: { seed: number; hash: number }): void => {
        found.set(seed, hash);
      };
      await runSeeds({ from, seeds, jobs: processes, onSeed });
      return found;
    };
    const [all, some] = [await hashes(1, 60, 1), await hashes(21, 40, jobs)];
    expect(some.size).toBe(40);
    for (const [seed, hash] of some) expect([seed, hash]).toEqual([seed, all.get(seed)]);
    expect(new Set(all.values()).size).toBe(60);
  },
  patienceMs,
);

describe('mistakes', () => {
  test.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    'can still be made: %s',
    (_name, mutant) => {
      for (const file of new Set(mutant.edits.map((edit) => edit.file))) {
        const source = readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8');
        expect(applyMutant(mutant, file, source)).not.toBe(source);
      }
    },
  );

  // The first against each invariant; `npm run simulate:mutants` makes all of them.
  const firsts = new Map(mutants.toReversed().map(({ invariant, name }) => [invariant, name]));
  test.each([...firsts])(
    '%s: found is "%s"',
    async (_invariant, name) => {
      const report = await runSeeds({ from: 1, seeds: 3_000, jobs, mutant: name, stopsAtFirst: true });
      expect(report.failed.length).toBeGreaterThan(0);
    },
    patienceMs,
  );
});
