// accumulate and a log as real processes, in which records end in the dead letters, and `tally dead-letters` as an operator
// runs it beside them. The log is the embedded one or, with KAFKA_BROKERS, Kafka with topics of its own.

import { randomUUID } from 'node:crypto';

import { type Ended, runTally, startTally } from '../client/testing/command.ts';
import type { LogStatus } from '../local/log/status.ts';
import { PartProcess } from './part-process.ts';
import { type SumEventOptions, sumEvent } from './sum-event.ts';
import { makeTempDir } from './temp-dir.ts';
import { getPage } from './test-log.ts';
import { until } from './until.ts';

/** How to reach Kafka; nothing for the embedded log. */
const kafka = Object.fromEntries(
  Object.entries(process.env).filter(([name, value]) => name.startsWith('KAFKA_') && value !== ''),
) as Record<string, string>;
export const isKafka = 'KAFKA_BROKERS' in kafka;

/** A letter as `list --json` gives it. */
export interface ListedLetter {
  readonly letter: string;
  readonly id: string;
  readonly total: string | null;
  readonly code: number | null;
  readonly why: string;
  readonly state: string;
  readonly notes: readonly { readonly action: string; readonly reason: string | null }[];
}

export class DeadLetterSystem {
  readonly directory: string;
  readonly accumulate: PartProcess;
  readonly log: PartProcess;
  readonly #env: Record<string, string>;
  #sent = 0;

  private constructor(
    directory: string,
    accumulate: PartProcess,
    log: PartProcess,
    env: Record<string, string>,
  ) {
    this.directory = directory;
    this.accumulate = accumulate;
    this.log = log;
    this.#env = env;
  }

  /** What fails once is a dead letter at once. */
  static async start(): Promise<DeadLetterSystem> {
    const directory = makeTempDir();
    const accumulate = await new PartProcess('accumulate', { DATA_DIR: directory }).start();
    const name = `dead-letters-${randomUUID()}`;
    const where = isKafka ? { ...kafka, KAFKA_TOPIC: name, KAFKA_GROUP: name } : undefined;
    const log = await new PartProcess('log', {
      ...{ SUBSCRIBER: accumulate.url, DELIVERY_RETRIES: '0', LOG_LEVEL: 'silent' },
      ...(where ?? { DATA_DIR: directory }),
    }).start();
    return new DeadLetterSystem(directory, accumulate, log, where ?? { LOG_URL: log.url });
  }

  /** Runs `tally dead-letters` on the log. */
  run(...args: readonly string[]): Promise<Ended> {
    return runTally(['dead-letters', ...args], this.#env);
  }

  start(...args: readonly string[]): ReturnType<typeof startTally> {
    return startTally(['dead-letters', ...args], this.#env);
  }

  async list(...args: readonly string[]): Promise<ListedLetter[]> {
    const { code, stdout, stderr } = await this.run('list', '--json', '--limit', '100000', ...args);
    if (code !== 0) throw new Error(`list ended with ${String(code)}: ${stderr}`);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ListedLetter);
  }

  /** Stores an event in the log. */
  async send(id: string, a: string, options: SumEventOptions = {}): Promise<void> {
    const response = await fetch(`${this.log.url}/default/sums`, {
      method: 'POST',
      ...sumEvent(id, a, options),
    });
    await response.arrayBuffer();
    if (response.status !== 202) throw new Error(`the log answered ${response.status}`);
    this.#sent++;
  }

  /** Stores events while accumulate is away, one a letter; each adds 1. */
  async sendInOutage(ids: readonly string[]): Promise<void> {
    await this.accumulate.kill();
    const waiting = ids.values();
    const sender = async (): Promise<void> => {
      for (const id of waiting) await this.send(id, '1');
    };
    await Promise.all(Array.from({ length: 16 }, sender));
    await this.delivered();
    await this.accumulate.start();
  }

  status(): Promise<LogStatus> {
    return getPage(this.log.url, '/status');
  }

  /** Waits until everything that was stored is delivered or in the dead letters. */
  async delivered(): Promise<void> {
    await until(
      'everything is delivered',
      async () => {
        const { records, lag, inFlight } = await this.status();
        return records >= this.#sent && lag === 0 && inFlight === 0;
      },
      120_000,
    );
  }

  async total(name = 'default'): Promise<{ total: string; count: number }> {
    const { total, count } = await getPage<{ total: string; count: number }>(
      this.accumulate.url,
      `/totals/${name}`,
    );
    return { total, count };
  }
}
