import { afterEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';

import { add, Harness, request, until } from './harness.ts';

const harness = new Harness();
afterEach(() => harness.stop());

const program = `import { main } from ${JSON.stringify(new URL('main.ts', import.meta.url).href)}; await main();`;

interface Child {
  readonly process: ChildProcess;
  output: string;
  /** Undefined until it is known. */
  port: number | undefined;
  readonly exit: Promise<number | null>;
}

function start(env: Record<string, string>): Child {
  const process_ = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { PATH: process.env['PATH'], PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const exit = new Promise<number | null>((resolve) => process_.once('close', resolve));
  const child: Child = { process: process_, output: '', port: undefined, exit };
  process_.stdout?.on('data', (chunk: Buffer) => (child.output += chunk.toString()));
  process_.on('message', (message) => {
    child.port = (message as { listening: number }).listening;
  });
  harness.onStop(() => {
    process_.kill('SIGKILL');
  });
  return child;
}

test('I1 SIGTERM: what is in flight is answered, then the process exits with 0', async () => {
  const sink = await harness.sink();
  const gate = sink.hold();
  const child = start({ K_SINK: sink.url });
  await until(() => child.port !== undefined);
  const call = add(harness.client(child.port ?? 0), request());
  await until(() => sink.events.length === 1);
  child.process.kill('SIGTERM');
  await until(() => child.output.includes('draining'));
  gate.open();
  await expect(call).resolves.toMatchObject({ sum: '5' });
  await expect(child.exit).resolves.toBe(0);
});

test('a wrong configuration names everything at once and exits with 78', async () => {
  const child = start({ PORT: 'http', K_SINK: 'ftp://x', MAX_IN_FLIGHT: '0', K_CE_OVERRIDES: '[]' });
  await expect(child.exit).resolves.toBe(78);
  for (const name of ['PORT', 'K_SINK', 'MAX_IN_FLIGHT', 'K_CE_OVERRIDES']) {
    expect(child.output).toContain(name);
  }
});
