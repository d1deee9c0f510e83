// The add function: what a call costs over the least that it can cost, and what the stream brings over single calls.

import type { Bench } from '../bench.ts';
import { compare, figuresOf } from '../compare.ts';
import type { Figure } from '../figure.ts';
import type { GrpcLoad } from '../load-grpc.ts';
import type { Process } from '../processes.ts';

const unaryInFlight = 64;
export const streamInFlight = 256;

/** One run of load on an adder. */
export async function createGrpcLoad({ processes, settings }: Bench) {
  const load = await processes.startBench('load-grpc.ts');
  return (adder: Process, method: GrpcLoad['method'], ratePerSecond?: number) => {
    const inFlight = method === 'Add' ? unaryInFlight : streamInFlight;
    const command: GrpcLoad = {
      address: adder.address,
      method,
      inFlight,
      seconds: settings.seconds,
      ...(ratePerSecond !== undefined && { ratePerSecond }),
    };
    return () => load.ask(command, 'load');
  };
}

export async function startAdd({ processes }: Bench, sinkUrl: string): Promise<Process> {
  const add = await processes.startFunction('add', { K_SINK: sinkUrl });
  return await add.ready();
}

export async function measureAdd(bench: Bench): Promise<Figure[]> {
  const sink = await bench.processes.startBench('sink.ts', '202');
  const add = await startAdd(bench, sink.url);
  const bare = await bench.processes.startBench('noop-adder.ts', sink.url);
  const load = await createGrpcLoad(bench);
  const comparison = await compare(
    bench,
    { name: 'Add', serving: add, run: load(add, 'Add') },
    { name: 'bare adder', serving: bare, run: load(bare, 'Add') },
  );
  const what = { section: 'add', name: 'Add', boundName: 'no-op gRPC + bare POST' };
  return figuresOf(what, comparison, { cpu: { of: 'ratio', atMost: 1.15 } });
}

export async function measureAddAll(bench: Bench): Promise<Figure[]> {
  const sink = await bench.processes.startBench('sink.ts', '202');
  const add = await startAdd(bench, sink.url);
  const noop = await bench.processes.startBench('noop-adder.ts');
  const load = await createGrpcLoad(bench);
  const comparison = await compare(
    bench,
    { name: 'AddAll', serving: add, run: load(add, 'AddAll') },
    { name: 'no-op unary', serving: noop, run: load(noop, 'Add') },
  );
  const what = { section: 'add-all', name: 'AddAll', boundName: 'no-op unary, no sink' };
  return figuresOf(what, comparison, { rate: { of: 'ratio', atLeast: 2.5 } });
}
