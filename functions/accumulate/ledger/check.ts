// The check at start, bounded at any size: every total fits its checksum, together they hold as many events as the
// ledger has, the last events fit their checksums and marks, and the ledger is not behind what totals.json has shown
// to people (I5). All else is found by `tally verify` (verify.ts).

import { damaged, toLedgerError } from './damage.ts';
import { hashKey } from './entry.ts';
import type { Generation } from './generation.ts';
import { readWitness, totalsFile } from './totals-file.ts';

/** How many of the newest events are looked at. */
const newestEvents = 1_000;

/** @throws AppError `damaged`, naming what is wrong */
export function checkNewest(generation: Generation): void {
  const { db, file } = generation;
  db.exec('BEGIN');
  try {
    let counted = 0;
    for (const total of generation.totals()) counted += total.count;
    const lastSeq = generation.lastSeq();
    if (counted !== lastSeq) {
      throw damaged(file, `the totals hold ${counted} events, the ledger ends at event ${lastSeq}`);
    }
    const { openingSeq } = generation.state();
    let expected = Math.max(openingSeq, lastSeq - newestEvents);
    for (const { seq, source, id } of generation.entries(expected)) {
      expected++;
      if (seq !== expected) throw damaged(file, `event ${expected} is missing`);
      if (generation.find(source, id, hashKey(source, id))?.seq !== seq) {
        throw damaged(file, `event ${seq} has no mark`);
      }
    }
  } catch (error) {
    throw toLedgerError(file, error);
  } finally {
    db.exec('ROLLBACK');
  }
}

/**
 * Compares the ledger with totals.json.
 * @returns whether totals.json is as it should be; if not, it has to be written again
 * @throws AppError `damaged` when it shows events that the ledger does not have
 */
export function checkWitness(directory: string, generation: Generation): boolean {
  const witness = readWitness(directory);
  const lastSeq = generation.lastSeq();
  if (witness === undefined) return lastSeq === 0;
  if (witness === 'garbled') return false;
  // Another process that began the next generation in the meantime may have written the file from there.
  if (generation.state().sealedAt !== null) return true;
  if (witness.seq > lastSeq) {
    const file = totalsFile(directory);
    throw damaged(
      generation.file,
      `it ends at event ${lastSeq}, but ${file} was written at event ${witness.seq}, so the ledger has lost events ` +
        `or is an older copy (to go on from the older copy, move ${file} away)`,
    );
  }
  return witness.seq === lastSeq;
}
