// A real child process whose standard output, which is the log, can be waited for.

import { type ChildProcess, spawn } from 'node:child_process';
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
    this.process = spawn(process.execPath, [path], {
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc' as const] : [])],
    });
    children.add(this.process);
    this.process.stdout?.setEncoding('utf8').on('data', (chunk: string) => (this.output += chunk));
    this.process.stderr?.setEncoding('utf8').on('data', (chunk: string) => (this.errors += chunk));
    this.ended = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        resolve(code ?? signal);
      });
    });
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
