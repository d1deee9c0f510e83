// The embedded event log as a real process, to be killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { EmbeddedLogStatus } from '../local/log/status.ts';
import { closeAfterTest, getPage } from './test-log.ts';
import { until } from './until.ts';

export interface LogProcess {
  readonly child: ChildProcess;
  /** Standard output so far. */
  readonly output: () => string;
  readonly url: () => Promise<string>;
  readonly status: () => Promise<EmbeddedLogStatus>;
  /** Ends it with a signal and gives the exit code, null for a signal's end. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
  /** Waits for its end and gives the exit code. */
  readonly ended: () => Promise<number | null>;
}

/**
 * @param options.entry the module to run, from the root of the repository
 * @param options.prefix shell text before the program, such as a limit
 */
export function startLogProcess(
  env: Readonly<Record<string, string>>,
  { entry = 'start.js', prefix = '' } = {},
): LogProcess {
  const path = fileURLToPath(new URL(`../${entry}`, import.meta.url));
  const child = spawn('sh', ['-c', `${prefix} exec "$0" "$1"`, process.execPath, path], {
    env: { PATH: process.env['PATH'], FUNCTION: 'log', PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const over = once(child, 'close');
  const ended = async () => {
    await over;
    return child.exitCode;
  };
  const url = () =>
    until('the log listens', () => {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${text}`);
      const port = /"port":(\d+)/.exec(text)?.[1];
      return port !== undefined && `http://127.0.0.1:${port}`;
    });
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return await ended();
  };
  closeAfterTest(async () => {
    await end('SIGKILL');
  });
  return {
    child,
    output: () => text,
    url,
    status: async () => await getPage(await url(), '/status'),
    end,
    ended,
  };
}
