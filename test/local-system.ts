// `npm start` as a real process, on free ports.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { closeAfterTest } from './test-log.ts';
import { until } from './until.ts';

export interface PartAddress {
  readonly address: string;
  readonly pid: number;
}

export interface LocalSystem {
  readonly child: ChildProcess;
  /** Standard output so far. */
  readonly output: () => string;
  /** Where a part is now, once it is up. */
  readonly part: (name: 'add' | 'accumulate' | 'log') => Promise<PartAddress>;
  /** Waits for the end of it and of everything that writes to its output; gives the exit code. */
  readonly ended: () => Promise<number | null>;
}

const start = fileURLToPath(new URL('../start.js', import.meta.url));

/** @param command else the entry itself, as `npm start` runs it */
export function startLocalSystem(
  env: Readonly<Record<string, string>>,
  [program, ...args]: readonly [string, ...string[]] = [process.execPath, start],
): LocalSystem {
  const child = spawn(program, args, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { PATH: process.env['PATH'], ADD_PORT: '0', ACCUMULATE_PORT: '0', LOG_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own, as a shell gives it: a signal to the group is what Ctrl-C sends.
    detached: true,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const over = once(child, 'close');
  const part = (name: string) =>
    until(`${name} is up`, () => {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${text}`);
      const [, address = '', first] = new RegExp(`^  ${name} +(\\S+) +pid (\\d+)`, 'm').exec(text) ?? [];
      const again = text
        .matchAll(new RegExp(`${name} is up again, pid (\\d+)`, 'g'))
        .toArray()
        .at(-1)?.[1];
      return first !== undefined && { address, pid: Number(again ?? first) };
    });
  closeAfterTest(async () => {
    child.kill('SIGKILL');
    await over;
  });
  const ended = async () => {
    await over;
    return child.exitCode;
  };
  return { child, output: () => text, part, ended };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
