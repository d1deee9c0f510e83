// `totals.json` beside the ledger, for people and scripts: a projection of it, never the truth. It is written aside,
// fsynced and renamed under the ledger's write lock, so it is always whole and only moves forward, however many
// processes hold the volume. It is also a witness: a ledger that is behind it has lost events (I5).

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { AppError, messageOf } from '../../../lib/errors.ts';
import type { Generation } from './generation.ts';

const fileName = 'totals.json';

/** What start-up learns from the file: undefined when there is none, `garbled` when nothing can be learnt from it. */
export type Witness = { readonly seq: number } | 'garbled' | undefined;

export function totalsFile(directory: string): string {
  return join(directory, fileName);
}

/**
 * Writes all totals. The caller holds the generation's write transaction.
 * @throws AppError `unavailable`, without the cause, also when an fsync failed: that ends no process (lib/sqlite.ts), since
 * the next time the file is made anew
 */
export function writeTotalsFile(directory: string, generation: Generation): void {
  const totals: Record<string, unknown> = {};
  for (const { name, total, count, version, updatedAt } of generation.totals()) {
    totals[name] = { total, count, version, updatedAt: new Date(updatedAt).toISOString() };
  }
  const seq = generation.lastSeq();
  const aside = `${totalsFile(directory)}.${process.pid}`;
  try {
    const fd = openSync(aside, 'w');
    try {
      writeFileSync(fd, `${JSON.stringify({ format: 1, seq, totals }, undefined, 2)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(aside, totalsFile(directory));
  } catch (error) {
    rmSync(aside, { force: true });
    throw new AppError('unavailable', messageOf(error));
  }
}

export function readWitness(directory: string): Witness {
  let text: string;
  try {
    text = readFileSync(totalsFile(directory), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read ${totalsFile(directory)}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const { seq } = JSON.parse(text) as { seq: unknown };
    return Number.isSafeInteger(seq) && (seq as number) >= 0 ? { seq: seq as number } : 'garbled';
  } catch {
    return 'garbled';
  }
}
