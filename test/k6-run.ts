// Runs one of k6's scripts as a process: with k6 where it is on the PATH, else with the stand-in.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { listen } from '../lib/http.ts';
import { startLocalSystem } from './local-system.ts';
import { makeTempDir } from './temp-dir.ts';
import { closeAfterTest } from './test-log.ts';

export const root = fileURLToPath(new URL('..', import.meta.url));
const hasK6 = spawnSync('k6', ['version']).error === undefined;
const k6: readonly [string, ...string[]] = hasK6
  ? ['k6']
  : [process.execPath, join(root, 'k6', 'stand-in', 'run.ts')];
export const runner = hasK6 ? 'k6' : 'the stand-in, as k6 is not on the PATH';

/** k6's own exit codes. */
export const exit = { ok: 0, thresholds: 99, script: 107 };

export interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly report: () => string;
}

/** @param args what follows `k6` in a command */
export async function runK6(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const path = join(makeTempDir(), 'report.html');
  const more = Object.entries({ REPORT: path, ...settings }).flatMap(([name, value]) => [
    '-e',
    `${name}=${value}`,
  ]);
  const [program, ...first] = k6;
  const env = { PATH: process.env['PATH'], K6_NO_USAGE_REPORT: 'true' };
  const child = spawn(program, [...first, ...args, ...more], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  closeAfterTest(() => Promise.resolve(void child.kill('SIGKILL')));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  await once(child, 'close');
  return { code: child.exitCode, output, report: () => readFileSync(path, 'utf8') };
}

export interface Started {
  readonly add: string;
  readonly accumulate: string;
  readonly log: string;
}

export async function startSystem(): Promise<Started> {
  const system = startLocalSystem({ DATA_DIR: join(makeTempDir(), 'data'), LOG_LEVEL: 'error' });
  const [add, accumulate, log] = await Promise.all(
    (['add', 'accumulate', 'log'] as const).map(async (part) => (await system.part(part)).address),
  );
  return { add: add ?? '', accumulate: accumulate ?? '', log: log ?? '' };
}

/**
 * Stands between a script and accumulate.
 * @param meddle may answer by itself: then it gives true
 * @param lie what every POST is answered with, in place of its outcome
 */
export async function startProxy(
  accumulate: string,
  meddle: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>,
  lie?: string,
): Promise<string> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const chunks = await request.toArray();
      if (await meddle(request, response)) return;
      const headers = { ...request.headers } as Record<string, string>;
      for (const name of ['host', 'connection', 'content-length', 'expect', 'keep-alive']) {
        Reflect.deleteProperty(headers, name);
      }
      const { method = 'GET', url = '/' } = request;
      const body = chunks.length === 0 ? null : Buffer.concat(chunks as Buffer[]);
      const from = await fetch(`http://${accumulate}${url}`, { method, headers, body });
      const outcome = lie ?? from.headers.get('tally-outcome');
      response.writeHead(from.status, outcome === null ? {} : { 'tally-outcome': outcome });
      response.end(await from.text());
    };
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const port = await listen(server, 0, '127.0.0.1');
  closeAfterTest(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${port}`;
}
