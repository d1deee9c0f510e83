// Accumulate's durable POSTs: over what any HTTP server costs, and in batches over one by one.

import type { Bench } from '../bench.ts';
import { compare, figuresOf, type Side } from '../compare.ts';
import type { Figure } from '../figure.ts';
import type { HttpLoad } from '../load-http.ts';
import type { Process } from '../processes.ts';

const batchEvents = 100;

/** One run of load on an HTTP server. */
export async function createHttpLoad({ processes, settings }: Bench) {
  const load = await processes.startBench('load-http.ts');
  return (server: Process, what: HttpLoad['what']) => {
    const command: HttpLoad = { origin: server.url, what, batchEvents, seconds: settings.seconds };
    return () => load.ask(command, 'load');
  };
}

export async function startAccumulate({ processes }: Bench, directory: string): Promise<Process> {
  const accumulate = await processes.startFunction('accumulate', { DATA_DIR: directory });
  return await accumulate.ready();
}

export async function measureIngest(bench: Bench): Promise<Figure[]> {
  const accumulate = await startAccumulate(bench, bench.makeDirectory());
  const bare = await bench.processes.startBench('sink.ts', '204');
  const load = await createHttpLoad(bench);
  const singles: Side = { name: 'events', serving: accumulate, run: load(accumulate, 'event') };
  const single = await compare(bench, singles, {
    name: 'bare node:http',
    serving: bare,
    run: load(bare, 'event'),
  });
  const runBatches = load(accumulate, 'batch');
  const batches: Side = {
    name: `events in batches of ${batchEvents}`,
    serving: accumulate,
    run: async () => {
      const { operations, seconds } = await runBatches();
      return { operations: operations * batchEvents, seconds };
    },
  };
  const batch = await compare(bench, batches, singles);
  const section = 'ingest';
  return [
    ...figuresOf({ section, name: 'durable POST', boundName: 'node:http 204' }, single, {
      rate: { of: 'ratio', atLeast: 0.7 },
    }),
    ...figuresOf({ section, name: `event of a batch of ${batchEvents}`, boundName: 'durable POST' }, batch, {
      rate: { of: 'value', atLeast: 50_000 },
    }),
  ];
}
