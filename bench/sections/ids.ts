// Whether deduplication stays cheap: accumulate with many random ids in its ledger against one with none.

import type { Bench } from '../bench.ts';
import { compare, figuresOf } from '../compare.ts';
import type { Figure } from '../figure.ts';
import { createHttpLoad, startAccumulate } from './ingest.ts';

const fillMs = 3 * 3_600_000;

export async function measureIds(bench: Bench): Promise<Figure[]> {
  const { ids } = bench.settings;
  const directory = bench.makeDirectory();
  const began = performance.now();
  const filling = await bench.processes.startBench('fill-ledger.ts', directory, String(ids));
  await filling.hear('filled', fillMs);
  await bench.processes.end(filling);
  const fillSeconds = (performance.now() - began) / 1_000;
  const count = ids.toLocaleString('en');
  bench.say(`${count} ids were put into the ledger in ${fillSeconds.toFixed(0)} s`);

  const full = await startAccumulate(bench, directory);
  const empty = await startAccumulate(bench, bench.makeDirectory());
  const load = await createHttpLoad(bench);
  const comparison = await compare(
    bench,
    { name: `${count} ids`, serving: full, run: load(full, 'event') },
    { name: 'empty ledger', serving: empty, run: load(empty, 'event') },
  );
  const what = { section: 'ids', name: `durable POST, ${count} ids`, boundName: 'empty ledger' };
  return figuresOf(what, comparison, { rate: { of: 'ratio', atLeast: 0.8 } });
}
