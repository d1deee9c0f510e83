// Reads of a total, each of which asks the ledger, against a bare server that answers JSON of the same length.

import type { Bench } from '../bench.ts';
import { compare, figuresOf } from '../compare.ts';
import type { Figure } from '../figure.ts';
import { createHttpLoad, startAccumulate } from './ingest.ts';

export async function measureRead(bench: Bench): Promise<Figure[]> {
  const accumulate = await startAccumulate(bench, bench.makeDirectory());
  const bare = await bench.processes.startBench('sink.ts', '204');
  const load = await createHttpLoad(bench);
  // Some events first, so that there is something to read.
  await load(accumulate, 'event')();
  const comparison = await compare(
    bench,
    { name: 'GET /total', serving: accumulate, run: load(accumulate, 'total') },
    { name: 'bare node:http', serving: bare, run: load(bare, 'total') },
  );
  return figuresOf({ section: 'read', name: 'GET /total', boundName: 'node:http, like JSON' }, comparison, {
    rate: { of: 'ratio', atLeast: 0.8 },
  });
}
