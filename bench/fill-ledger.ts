// Fills a ledger with events of random ids, generation after generation, as the function's own writer writes them but
// without waiting for the disk; all of it is on disk at the end.

import { randomUUID } from 'node:crypto';

import { readConfig } from '../functions/accumulate/config.ts';
import type { Entry } from '../functions/accumulate/ledger/entry.ts';
import type { Generation } from '../functions/accumulate/ledger/generation.ts';
import { syncPath } from '../functions/accumulate/ledger/generation-file.ts';
import { Volume } from '../functions/accumulate/ledger/volume.ts';
import { Writer } from '../functions/accumulate/ledger/writer.ts';
import { addDecimals, parseDecimal } from '../lib/decimal.ts';
import { defaultTotal } from '../lib/names.ts';
import { endWithParent } from './load.ts';

/** Each commit writes nearly every page of the tree of ids, so that few commits are fast ones. */
const eventsPerCommit = 500_000;

const [directory = '', countText] = process.argv.slice(2);
const count = Number(countText);
const { dedupeWindowMs: windowMs, generationMaxEvents: maxEvents } = readConfig({ DATA_DIR: directory });
const volume = new Volume(directory, 'write');
const writer = new Writer(volume, {
  retention: { windowMs, maxEvents },
  lockWaitMs: 1_000,
  now: Date.now,
  monotonicNow: () => performance.now(),
});
const sum = addDecimals(parseDecimal('2.50'), parseDecimal('-0.75'));

function makeEntry(): Entry {
  return {
    source: '/functions/add',
    id: randomUUID(),
    total: defaultTotal,
    a: '2.5',
    b: '-0.75',
    sum,
    time: Date.now(),
  };
}

endWithParent();
process.send?.({ listening: 0 });
let tuned: Generation | undefined;
for (let written = 0; written < count;) {
  if (volume.newest !== tuned) {
    tuned = volume.newest;
    tuned.db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -3000000');
  }
  const events = Math.min(eventsPerCommit, count - written);
  writer.apply(Array.from({ length: events }, () => [makeEntry()]));
  written += events;
  process.stderr.write(
    `ids: ${written.toLocaleString('en')} of ${count.toLocaleString('en')} in the ledger\n`,
  );
}
const files = volume.oldestFirst.map(({ file }) => file);
volume.close();
for (const path of [...files, directory]) syncPath(path);
process.send?.({ filled: true });
