// kubectl as a child process, always in one namespace.

import { type ChildProcess, execFile, spawn } from 'node:child_process';

export class Kubectl {
  readonly namespace: string;
  readonly #program: string;
  readonly #started = new Set<ChildProcess>();

  constructor(namespace: string, program = 'kubectl') {
    this.namespace = namespace;
    this.#program = program;
  }

  /** Runs it to its end and gives what it printed. @throws Error with what it said */
  run(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { maxBuffer: 2 ** 26 };
      execFile(this.#program, ['--namespace', this.namespace, ...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`));
      });
    });
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.run(...args, '--output=json')) as T;
  }

  /** Starts one that goes on until it is killed; its standard output is a pipe. */
  start(...args: string[]): ChildProcess {
    const all = ['--namespace', this.namespace, ...args];
    const child = spawn(this.#program, all, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#started.add(child);
    child.once('exit', () => this.#started.delete(child));
    return child;
  }

  /** Kills those that go on. */
  endAll(): void {
    for (const child of this.#started) child.kill();
  }
}
