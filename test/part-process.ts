// One function as a real process on one port, to be killed and started again.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { ListeningMessage } from '../lib/lifecycle.ts';
import { closeAfterTest } from './test-log.ts';
import { until } from './until.ts';

export type PartName = 'add' | 'accumulate' | 'log';

const start = fileURLToPath(new URL('../start.js', import.meta.url));

export class PartProcess {
  readonly name: PartName;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #port = 0;

  constructor(name: PartName, env: Readonly<Record<string, string>>) {
    this.name = name;
    this.#env = env;
    closeAfterTest(() => this.kill());
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** Whether it is up: started, ready, and not killed since. */
  isUp = false;

  /** Starts it, on the port that it had before, and waits until it is ready. */
  async start(): Promise<this> {
    this.#child = fork(start, {
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        LOG_LEVEL: 'error',
        ...this.#env,
        FUNCTION: this.name,
        PORT: String(this.#port),
      },
      // As npm start does it (local/part.ts).
      execArgv: ['--disable-warning=TimeoutNegativeWarning'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const failed = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`${this.name} ended at its start with ${String(code)}`);
    });
    const message = (await Promise.race([once(this.#child, 'message'), failed])) as [ListeningMessage];
    this.#port = message[0].listening;
    await until(`${this.name} is ready`, async () => {
      const response = await fetch(`${this.url}/health/readiness`);
      await response.arrayBuffer();
      return response.ok;
    });
    this.isUp = true;
    return this;
  }

  /** SIGKILL: it ends between two instructions, whichever they are. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM: it drains. @returns the exit code */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    this.isUp = false;
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return null;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill(signal);
    await ended;
    return child.exitCode;
  }
}
