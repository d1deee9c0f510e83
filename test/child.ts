// A real child process whose standard output, which is the log, can be waited for.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { afterEach } from '@jest/globals';

import { until } from './until.ts';

const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export class Child {
  readonly process: ChildProcess;
  output = '';
  errors = '';
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;

  /**
   * @param file relative to the repository
   * @param env all the variables that it gets
   * @param ipc whether it is a child with a channel, as those of the local system are
   */
  constructor(file: string, env: Readonly<Record<string, string>>, ipc = false) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const child = spawn(process.execPath, [path], {
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc' as const] : [])],
    });
    this.process = child;
    children.add(child);
    // Both are pipes, which the types cannot tell where there may be a channel.
    const [stdout, stderr] = [child.stdout as Readable, child.stderr as Readable];
    stdout.setEncoding('utf8').on('data', (chunk: string) => (this.output += chunk));
    stderr.setEncoding('utf8').on('data', (chunk: string) => (this.errors += chunk));
    // Not the child's own 'close', which does not come when its channel was disconnected from this side.
    const closed = Promise.all([once(child, 'exit'), once(stdout, 'close'), once(stderr, 'close')]);
    this.ended = closed.then(() => child.exitCode ?? child.signalCode);
  }

  /** What it has logged, each line parsed. */
  get lines(): LogLine[] {
    return this.output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** Waits for a log line with this message. */
  logged(message: string): Promise<LogLine> {
    return until(`log line "${message}" in\n${this.output}${this.errors}`, () =>
      this.lines.find(({ msg }) => msg.includes(message)),
    );
  }
}
