// `tally verify`: recomputes everything that the ledger stores from the events in it, in one pass over each
// generation, while others go on writing (each generation is read in one snapshot). Bounded memory: one running sum
// for each total.

import { addDecimals, type Decimal, formatDecimal, readCanonical, zero } from '../../../lib/decimal.ts';
import { messageOf } from '../../../lib/errors.ts';
import { checkWitness } from './check.ts';
import { addToSetHash, hashEntry, hashKey, type Total } from './entry.ts';
import type { Generation } from './generation.ts';
import type { Volume } from './volume.ts';

export interface Verification {
  /** What is wrong, one line each; empty when all is as it should be. */
  readonly problems: readonly string[];
  readonly generations: number;
  /** How many stored events were recomputed. */
  readonly events: number;
  readonly totals: number;
}

interface Sum {
  readonly value: Decimal;
  readonly count: number;
  readonly version: number;
  readonly setHash: bigint;
}

/** The most problems that are listed for one generation. */
const maxProblems = 100;

/** @param onProgress is told now and then how many events were checked, and of how many */
export function verifyVolume(volume: Volume, onProgress: (done: number, of: number) => void): Verification {
  const problems: string[] = [];
  let events = 0;
  let totals = 0;
  let closing: Map<string, Sum> | undefined;
  const of = volume.newest.lastSeq() - (volume.oldestFirst[0]?.state().openingSeq ?? 0);
  for (const generation of volume.oldestFirst) {
    const found = new Problems(generation.file);
    generation.db.exec('BEGIN');
    try {
      found.collect(() => {
        found.addAll(integrityProblems(generation));
      });
      found.collect(() => {
        const sums = readTotals(generation, 'opening');
        checkOpening(generation.state().openingSeq, sums, found);
        if (closing !== undefined) compare(found, 'the opening balance of', closing, sums);
        events += recompute(generation, sums, found, (done) => {
          onProgress(events + done, of);
        });
        const stored = readTotals(generation, 'totals');
        compare(found, 'the stored total', sums, stored);
        totals = stored.size;
        closing = stored;
      });
    } finally {
      generation.db.exec('ROLLBACK');
    }
    problems.push(...found.lines);
  }
  const newest = new Problems(volume.newest.file);
  newest.collect(() => {
    checkWitness(volume.directory, volume.newest);
  });
  problems.push(...newest.lines);
  return { problems, generations: volume.oldestFirst.length, events, totals };
}

class Problems {
  readonly lines: string[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  add(problem: string): void {
    if (this.lines.length < maxProblems) this.lines.push(`${this.#file}: ${problem}`);
  }

  addAll(problems: Iterable<string>): void {
    for (const problem of problems) this.add(problem);
  }

  /** Runs a check; what it throws is one more problem, and the checks after it still run. */
  collect(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.add(messageOf(error));
    }
  }
}

function* integrityProblems(generation: Generation): Generator<string> {
  for (const row of generation.db.prepare('PRAGMA integrity_check').iterate()) {
    if (row['integrity_check'] !== 'ok') yield String(row['integrity_check']);
  }
  const marks = Number(generation.db.prepare('SELECT count(*) AS n FROM ids').get()?.['n']);
  const events = Number(generation.db.prepare('SELECT count(*) AS n FROM events').get()?.['n']);
  if (marks !== events) yield `it has ${marks} marks for ${events} events`;
}

function readTotals(generation: Generation, table: 'totals' | 'opening'): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const total of generation.totals({ table })) sums.set(total.name, toSum(total));
  return sums;
}

function toSum({ total, count, version, setHash }: Total): Sum {
  return { value: readCanonical(total), count, version, setHash };
}

/**
 * Of what the oldest generation begins with nothing older is left to compare with, once its events are pruned: but it is
 * of as many events as the ledger had by then, and nothing at all in the ledger's first one.
 */
function checkOpening(openingSeq: number, sums: ReadonlyMap<string, Sum>, found: Problems): void {
  let events = 0;
  for (const [name, sum] of sums) {
    events += sum.count;
    if (sum.count < 1 || sum.version > openingSeq) {
      found.add(
        `the opening balance of "${name}" is ${describe(sum)}, the file begins after event ${openingSeq}`,
      );
    }
  }
  if (events !== openingSeq) {
    found.add(`the opening balances are of ${events} events, the file begins after event ${openingSeq}`);
  }
}

/** Adds the generation's events to the opening balances; gives how many there were. */
function recompute(
  generation: Generation,
  sums: Map<string, Sum>,
  found: Problems,
  onProgress: (done: number) => void,
): number {
  const { openingSeq } = generation.state();
  let expected = openingSeq;
  for (const entry of generation.entries(openingSeq)) {
    expected++;
    if (entry.seq !== expected) {
      found.add(`event ${expected} is missing`);
      expected = entry.seq;
    }
    if (generation.find(entry.source, entry.id, hashKey(entry.source, entry.id))?.seq !== entry.seq) {
      found.add(`event ${entry.seq} has no mark`);
    }
    const before = sums.get(entry.total) ?? { value: zero, count: 0, version: 0, setHash: 0n };
    sums.set(entry.total, {
      value: addDecimals(before.value, addDecimals(readCanonical(entry.a), readCanonical(entry.b))),
      count: before.count + 1,
      version: entry.seq,
      setHash: addToSetHash(before.setHash, hashEntry(entry)),
    });
    if ((entry.seq - openingSeq) % 10_000 === 0) onProgress(entry.seq - openingSeq);
  }
  return expected - openingSeq;
}

function compare(found: Problems, what: string, computed: Map<string, Sum>, stored: Map<string, Sum>): void {
  for (const name of new Set([...computed.keys(), ...stored.keys()])) {
    const [is, should] = [stored.get(name), computed.get(name)].map(describe);
    if (is !== should) found.add(`${what} "${name}" is ${is ?? ''}, its events make ${should ?? ''}`);
  }
}

function describe(sum: Sum | undefined): string {
  if (sum === undefined) return 'missing';
  const set = sum.setHash.toString(16).padStart(32, '0').slice(0, 8);
  return `${formatDecimal(sum.value)} (${sum.count} events to ${sum.version}, set ${set}…)`;
}
