// What every section works with: its settings, processes and directories, and where it says how far it is. All that was
// made is gone after a section, and on any way out.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Figure } from './figure.ts';
import { Processes } from './processes.ts';

export interface Settings {
  /** How often both sides are measured in turns. */
  readonly rounds: number;
  /** How long one measurement takes. */
  readonly seconds: number;
  /** How many ids the section `ids` puts into the ledger. */
  readonly ids: number;
}

export type Section = (bench: Bench) => Promise<Figure[]>;

export class Bench {
  readonly settings: Settings;
  readonly processes = new Processes();
  readonly #directories: string[] = [];
  #section = '';

  constructor(settings: Settings) {
    this.settings = settings;
    process.once('exit', () => {
      this.processes.killAll();
      this.#removeDirectories();
    });
  }

  async run(name: string, section: Section): Promise<Figure[]> {
    this.#section = name;
    try {
      return await section(this);
    } finally {
      await this.processes.endAll();
      this.#removeDirectories();
    }
  }

  makeDirectory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'tally-bench-'));
    this.#directories.push(directory);
    return directory;
  }

  /** Progress, for who waits. */
  say(text: string): void {
    process.stderr.write(`${this.#section}: ${text}\n`);
  }

  #removeDirectories(): void {
    // A process that was killed this moment may still be ending.
    for (const directory of this.#directories.splice(0)) {
      rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
    }
  }
}
