// Every process that the benchmark runs, each ended by its own id: at the end of its section, and on any way out of the
// benchmark. They all have an IPC channel, over which they say that they listen and are asked what they used.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { LoadResult } from './load.ts';
import type { Usage } from './usage.js';

export type FunctionName = 'add' | 'accumulate' | 'log';
export type BenchFile = 'sink.ts' | 'noop-adder.ts' | 'load-grpc.ts' | 'load-http.ts' | 'fill-ledger.ts';

/** What a process says, one key a message. */
interface Replies {
  readonly listening: number;
  readonly usage: Usage;
  readonly load: LoadResult;
  readonly filled: boolean;
}

/** Longer than anything that is asked for takes. */
const replyMs = 120_000;
const endMs = 5_000;
const readyMs = 30_000;

/** For the benchmark's own programs, so that a bound does not pay for stripping types. Functions are left as they are. */
const compileCache = join(tmpdir(), 'node-compile-cache');

const usageModule = new URL('usage.js', import.meta.url).href;

/** One of them. */
export class Process {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #failed: Promise<never>;
  readonly #waiting = new Map<string, (value: unknown) => void>();
  #port = 0;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#failed = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`${name} ended with ${String(signal ?? code)}`);
    });
    this.#failed.catch(() => undefined);
    child.on('message', (message: Readonly<Record<string, unknown>>) => {
      for (const [key, value] of Object.entries(message)) {
        const answer = this.#waiting.get(key);
        answer?.(value);
      }
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** Waits until it listens. */
  async listening(): Promise<this> {
    this.#port = await this.hear('listening');
    return this;
  }

  /** Waits until its readiness probe answers 200. */
  async ready(): Promise<this> {
    const deadline = Date.now() + readyMs;
    while (Date.now() < deadline) {
      const status = await Promise.race([readStatus(`${this.url}/health/readiness`), this.#failed]);
      if (status === 200) return this;
      await wait(1);
    }
    throw new Error(`${this.name} is not ready after ${readyMs} ms`);
  }

  usage(): Promise<Usage> {
    return this.ask('usage', 'usage');
  }

  /** Sends a message and waits for the reply. */
  ask<Key extends keyof Replies>(message: 'usage' | object, key: Key): Promise<Replies[Key]> {
    const reply = this.hear(key);
    this.#child.send(message);
    return reply;
  }

  /** Waits for a message. @throws when the process ends instead or says nothing for too long */
  async hear<Key extends keyof Replies>(key: Key, timeoutMs = replyMs): Promise<Replies[Key]> {
    const { promise, resolve, reject } = Promise.withResolvers<Replies[Key]>();
    this.#waiting.set(key, resolve as (value: unknown) => void);
    const timer = setTimeout(() => {
      reject(new Error(`${this.name} did not say "${key}" within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return await Promise.race([promise, this.#failed]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(key);
    }
  }

  /** Lets it end by itself, as all do when their parent is gone; kills it when it does not. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const killing = setTimeout(() => {
      this.kill();
    }, endMs);
    await this.#failed.catch(() => undefined);
    clearTimeout(killing);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** All that run. */
export class Processes {
  #running: Process[] = [];

  /** One of the functions as it runs in its image, listening. `accounted` false leaves it exactly as it is. */
  startFunction(name: FunctionName, env: NodeJS.ProcessEnv, accounted = true): Promise<Process> {
    const variables = { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error', ...env, FUNCTION: name };
    return this.#start(name, '../start.js', [], variables, accounted);
  }

  startBench(file: BenchFile, ...args: string[]): Promise<Process> {
    return this.#start(file, file, args, { NODE_COMPILE_CACHE: compileCache }, true);
  }

  async end(process: Process): Promise<void> {
    await process.end();
    this.#running = this.#running.filter((other) => other !== process);
  }

  /** The last one started goes first: clients before their servers. */
  async endAll(): Promise<void> {
    for (const process of this.#running.toReversed()) await this.end(process);
  }

  /** Without waiting, for the last moment of the benchmark itself. */
  killAll(): void {
    for (const process of this.#running) process.kill();
  }

  #start(
    name: string,
    file: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    accounted: boolean,
  ): Promise<Process> {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      env: {
        PATH: process.env['PATH'],
        NODE_OPTIONS: process.env['NODE_OPTIONS'],
        ...env,
      },
      execArgv: accounted ? ['--import', usageModule] : [],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const started = new Process(name, child);
    this.#running.push(started);
    return started.listening();
  }
}

function readStatus(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}
