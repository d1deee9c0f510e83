// A Prometheus of this machine as a child process, with the rules, scraping the parts of a local system.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { stringify } from 'yaml';

import { AppError } from '../lib/errors.ts';
import type { MonitoringConfig } from './config.ts';

export interface PrometheusOptions extends MonitoringConfig {
  /** How often parts are scraped and rules evaluated. */
  readonly intervalSeconds: number;
}

const howToInstall =
  'prometheus is not on the PATH: install it (Debian and Ubuntu: apt-get install prometheus; macOS: brew install ' +
  'prometheus; else https://prometheus.io/download/)';
const readinessPauseMs = 50;

export class Prometheus {
  readonly url: string;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #kill = (): void => {
    this.#child.kill('SIGKILL');
  };

  private constructor(child: ChildProcess, port: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        process.off('exit', this.#kill);
        resolve();
      });
    });
    // It would outlive this process.
    process.once('exit', this.#kill);
  }

  /**
   * Starts it and waits until it answers.
   * @throws AppError `unavailable`, with what to do
   */
  static async start(options: PrometheusOptions): Promise<Prometheus> {
    const { directory, port } = options;
    mkdirSync(directory, { recursive: true });
    const configFile = join(directory, 'prometheus.yml');
    writeFileSync(configFile, stringify(prometheusConfig(options)));
    const flags = {
      'config.file': configFile,
      'storage.tsdb.path': join(directory, 'tsdb'),
      'web.listen-address': `127.0.0.1:${port}`,
      'log.level': 'warn',
    };
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    // A process group of its own: Ctrl-C reaches this process, which then ends it.
    const child = spawn('prometheus', args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        reject(new AppError('unavailable', howToInstall, { cause }));
      });
    });
    const prometheus = new Prometheus(child, port);
    const failed = prometheus.ended.then((): never => {
      throw new AppError('unavailable', 'prometheus ended: see its message above');
    });
    while (!(await Promise.race([prometheus.#isReady(), failed]))) await wait(readinessPauseMs);
    return prometheus;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.ended;
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/-/ready`);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}

function prometheusConfig({ host, ports, intervalSeconds }: PrometheusOptions) {
  const interval = `${intervalSeconds}s`;
  return {
    global: { scrape_interval: interval, evaluation_interval: interval },
    rule_files: [fileURLToPath(new URL('rules/*.yaml', import.meta.url))],
    scrape_configs: Object.entries(ports).map(([part, port]) => ({
      job_name: `tally-${part}`,
      static_configs: [{ targets: [`${host}:${port}`] }],
    })),
  };
}
