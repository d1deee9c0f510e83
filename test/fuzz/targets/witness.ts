// totals.json tells how far the ledger was, or that it tells nothing: it is never read as a ledger that has less (I5).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readWitness, totalsFile } from '../../../functions/accumulate/ledger/totals-file.ts';
import { check } from '../property.ts';

const directory = mkdtempSync(join(tmpdir(), 'tally-witness-'));
process.once('exit', () => {
  rmSync(directory, { recursive: true, force: true });
});

export function fuzz(data: Buffer): void {
  writeFileSync(totalsFile(directory), data);
  const witness = readWitness(directory);
  check(witness !== undefined, 'a file that is there tells something');
  if (witness === 'garbled') return;
  check(Number.isSafeInteger(witness.seq) && witness.seq >= 0, 'it tells a number of events');
  check(data.includes('seq'), 'it is what the file says');
}
