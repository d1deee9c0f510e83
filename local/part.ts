// One part of the local system as a child process: started, waited for until it is ready, and started again when it
// dies, as Kubernetes would. It is a process group of its own, so that Ctrl-C reaches the local system alone, which
// then ends the parts in order; it ends by itself when the local system disappears (lib/lifecycle.ts).

import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

import { exitConfig } from '../lib/env.ts';
import type { ListeningMessage } from '../lib/lifecycle.ts';
import type { Log } from '../lib/log.ts';

export interface PartOptions {
  readonly name: string;
  /** The module to run. */
  readonly entry: string;
  readonly env: NodeJS.ProcessEnv;
  /** 0 for any free one at first; a restart gets the same again. */
  readonly port: number;
  readonly host: string;
  readonly log: Log;
  /** Told when the part has ended for good: its configuration is wrong. */
  readonly onFailure: (failure: PartFailed) => void;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A part has ended by itself; `exitCode` is what it ended with, 1 for a signal. */
export class PartFailed extends Error {
  readonly exitCode: number;

  constructor(name: string, { code, signal }: Ended, pid: number | undefined) {
    super(`${name} (pid ${String(pid)}) ended with ${signal ?? `exit code ${String(code)}`}`);
    this.name = 'PartFailed';
    this.exitCode = code === null || code === 0 ? 1 : code;
  }
}

const firstPauseMs = 100;
const longestPauseMs = 10_000;
/** A part that stayed up for this long begins with the first pause again. */
const steadyMs = 10_000;
const readinessPauseMs = 20;
/** A start that takes longer is spoken of. */
const slowMs = 10_000;
/** Longer than a part's own limit for its drain. */
const killAfterMs = 30_000;

export class Part {
  readonly #options: PartOptions;
  readonly #stopping = new AbortController();
  #port: number;
  #child: ChildProcess | undefined;
  #ended: Promise<Ended> | undefined;
  #kept: Promise<void> | undefined;

  constructor(options: PartOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts it and waits until it is ready; from then on it is kept running.
   * @throws PartFailed when it ends instead
   */
  async start(): Promise<void> {
    await this.#run();
    this.#kept = this.#keep();
  }

  /** Lets it drain; kills it when it takes too long. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const kill = setTimeout(() => this.#child?.kill('SIGKILL'), killAfterMs);
    await this.#ended;
    clearTimeout(kill);
    await this.#kept;
  }

  /** Ends it at once. */
  kill(): void {
    this.#stopping.abort();
    this.#child?.kill('SIGKILL');
  }

  /** Starts one process and waits until it is ready. */
  async #run(): Promise<void> {
    const { name, entry, env, host, log } = this.#options;
    const child = fork(entry, {
      env: { ...env, FUNCTION: name, PORT: String(this.#port), HOST: host },
      // kafkajs 2.2.4 sets a timer to the past at its start, of which Node would tell the user.
      execArgv: [...process.execArgv, '--disable-warning=TimeoutNegativeWarning'],
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = new Promise<Ended>((resolve) => {
      child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
      child.once('error', (error) => {
        log.error({ err: error }, `${name} cannot be started`);
        resolve({ code: 1, signal: null });
      });
    });
    const listening = new Promise<number>((resolve) => {
      child.on('message', (message: ListeningMessage) => {
        resolve(message.listening);
      });
    });
    this.#child = child;
    this.#ended = ended;
    const failure = ended.then((end): never => {
      throw new PartFailed(name, end, child.pid);
    });
    const slow = setTimeout(() => {
      log.warn(`${name} (pid ${String(child.pid)}) is not ready yet: still waiting`);
    }, slowMs);
    try {
      this.#port = await Promise.race([listening, failure]);
      while (!(await Promise.race([this.#answersReady(), failure]))) {
        await Promise.race([wait(readinessPauseMs), failure]);
      }
    } finally {
      clearTimeout(slow);
    }
  }

  /** Starts it again whenever it ends, after a pause that grows while it keeps ending. */
  async #keep(): Promise<void> {
    const { name, log, onFailure } = this.#options;
    let pauseMs = firstPauseMs;
    for (;;) {
      const upSince = Date.now();
      const end = await this.#ended;
      if (end === undefined || this.#stopping.signal.aborted) return;
      const failed = new PartFailed(name, end, this.pid);
      if (failed.exitCode === exitConfig) {
        onFailure(failed);
        return;
      }
      if (Date.now() - upSince > steadyMs) pauseMs = firstPauseMs;
      log.warn(`${failed.message}; starting it again`);
      if (!(await this.#pause(pauseMs))) return;
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      await this.#run().then(
        () => {
          log.info(`${name} is up again, pid ${String(this.pid)}`);
        },
        // It has ended, which the next round reports.
        () => undefined,
      );
    }
  }

  /** Whether the time passed; false when the part was stopped instead. */
  async #pause(ms: number): Promise<boolean> {
    try {
      await wait(ms, undefined, { signal: this.#stopping.signal });
      return true;
    } catch {
      return false;
    }
  }

  async #answersReady(): Promise<boolean> {
    try {
      const url = `http://${this.#options.host}:${this.#port}/health/readiness`;
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
