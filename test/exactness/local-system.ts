// The target on this machine: two add processes, accumulate and the log as real processes, wired together over
// loopback. The log is the embedded one or, with KAFKA_BROKERS, the Kafka bridge with a topic of its own. It owns the
// whole system, so it accounts for every record and every delivery.

import { randomUUID } from 'node:crypto';

import { expect } from '@jest/globals';

import { verifyDirectory } from '../../functions/accumulate/ledger/fixtures.ts';
import { Reader } from '../../functions/accumulate/ledger/reader.ts';
import { parseTotalName } from '../../lib/names.ts';
import type { LogStatus } from '../../local/log/status.ts';
import { CountingProxy } from '../counting-proxy.ts';
import { PartProcess } from '../part-process.ts';
import { makeTempDir } from '../temp-dir.ts';
import { closeAfterTest, getPage } from '../test-log.ts';
import { until } from '../until.ts';
import { type Adder, createAdder } from './adder.ts';
import { RestReads } from './rest.ts';
import type { Account, Scenario } from './scenario.ts';
import type { Disturbance, Target } from './target.ts';

const deliveredMs = 180_000;

/** Variables of the Kafka bridge; none for the embedded log. */
const kafka = Object.fromEntries(
  Object.entries(process.env).filter(([name, value]) => name.startsWith('KAFKA_') && value !== ''),
);
export const isKafka = 'KAFKA_BROKERS' in kafka;

/** What can be done to it, by name. */
export const disturbanceNames = ['add', 'another add', 'accumulate', 'log'].flatMap((part) => [
  `SIGKILL ${part}`,
  `SIGTERM ${part}`,
]);

export class LocalSystem {
  readonly target: Target;
  readonly #directory: string;
  readonly #accumulate: PartProcess;
  readonly #log: PartProcess;
  readonly #proxy: CountingProxy;

  /** @param isImpatient whether add gives up soon on a sink that does not answer, as after a kill */
  private static async start(isImpatient: boolean): Promise<LocalSystem> {
    const directory = makeTempDir();
    const accumulate = await new PartProcess('accumulate', { DATA_DIR: directory }).start();
    const proxy = await new CountingProxy().start(() => accumulate.url);
    const name = `exactness-${randomUUID()}`;
    const log = await new PartProcess('log', {
      SUBSCRIBER: proxy.url,
      ...{ DELIVERY_RETRIES: '20', DELIVERY_BACKOFF: '1ms', DELIVERY_TIMEOUT: '5s' },
      ...(isKafka ? { ...kafka, KAFKA_TOPIC: name, KAFKA_GROUP: name } : { DATA_DIR: directory }),
    }).start();
    const sink = { K_SINK: `${log.url}/default/sums`, ...(isImpatient && { SINK_ATTEMPT_TIMEOUT: '1s' }) };
    const add = await new PartProcess('add', sink).start();
    const anotherAdd = await new PartProcess('add', { ...sink, CACHE_ENTRIES: '1' }).start();
    return new LocalSystem(directory, { add, anotherAdd, accumulate, log }, proxy);
  }

  private constructor(
    directory: string,
    parts: Readonly<Record<'add' | 'anotherAdd' | 'accumulate' | 'log', PartProcess>>,
    proxy: CountingProxy,
  ) {
    const { add, anotherAdd, accumulate, log } = parts;
    this.#directory = directory;
    this.#accumulate = accumulate;
    this.#log = log;
    this.#proxy = proxy;
    const adders = [add, anotherAdd].map(({ address }) => createAdder(address));
    const reads = new RestReads(accumulate.url);
    closeAfterTest(async () => {
      for (const adder of adders) adder.close();
      await reads.close();
    });
    this.target = {
      addresses: adders.length,
      addressesAreProcesses: true,
      atOnce: 1_000,
      paceMs: 0,
      disturbances: [add, anotherAdd, accumulate, log].flatMap((part, n) => [
        killOf(part, disturbanceNames[2 * n] ?? ''),
        stopOf(part, disturbanceNames[2 * n + 1] ?? ''),
      ]),
      add: (address, request, deadlineMs) =>
        (adders[address % adders.length] as Adder).add(request, deadlineMs),
      total: (totalName) => reads.total(totalName),
      find: (requestId, waitMs) => reads.find(requestId, waitMs),
      settled: async () => {
        await this.#settled();
      },
      withoutLog: async (during) => {
        await log.kill();
        await during();
        await log.start();
      },
    };
  }

  /** Runs a scenario against a system of its own and accounts for everything. */
  static async run({ run, isDisturbed }: Scenario): Promise<void> {
    const system = await LocalSystem.start(isDisturbed && !isKafka);
    await system.#account(await run(system.target), isDisturbed);
  }

  async #account(account: Account, isDisturbed: boolean): Promise<void> {
    const { name, total, count, attempts, unknown, records, deadLetters } = account;
    const status = await this.#settled();
    expect(await this.#accumulate.stop()).toBe(0);
    const reader = new Reader(this.#directory);
    const { duplicates } = reader.status();
    const counted = reader.total(parseTotalName(name));
    reader.close();
    const { applied, duplicate, lost, other } = this.#proxy;
    process.stdout.write(
      `${name}: ${count} requests in ${attempts} attempts (${unknown} unknown), stored ${status.records}, ` +
        `duplicates refused ${duplicates}, answers lost ${lost}, total ${total.slice(0, 40)}\n`,
    );

    expect(counted).toMatchObject({ total, count });
    expect(verifyDirectory(this.#directory)).toEqual([]);
    expect(unknown).toBeLessThanOrEqual(isDisturbed ? attempts : 0);
    expect(status.records).toBeGreaterThanOrEqual(records[0]);
    expect(status.records).toBeLessThanOrEqual(records[1]);
    expect(status.deadLetters).toBe(deadLetters.length);
    expect(await this.#deadLetters(deadLetters)).toEqual(deadLetters);
    // Nothing is refused but what is in the dead letters; a process that is stopping asks for another try.
    expect([...other.keys()].filter((code) => code !== 503)).toEqual(deadLetters.length > 0 ? [422] : []);
    // What was stored more often than once came from retries: each was refused as a duplicate, as was each redelivery.
    expect(duplicates).toBeGreaterThanOrEqual(status.records - deadLetters.length - count);
    // Every delivery that counted or was refused as a duplicate was answered, or its answer was lost.
    expect(count + duplicates).toBeGreaterThanOrEqual(applied + duplicate);
    expect(count + duplicates).toBeLessThanOrEqual(applied + duplicate + lost);
  }

  #settled(): Promise<LogStatus> {
    return until(
      'everything is delivered',
      async () => {
        const status = await getPage<LogStatus>(this.#log.url, '/status');
        return status.records > 0 && status.lag === 0 && status;
      },
      deliveredMs,
    );
  }

  /** The ids in the dead letters and why; a Kafka topic has no page that shows them. */
  async #deadLetters(expected: readonly string[]): Promise<readonly string[]> {
    if (isKafka) return expected;
    const page = await getPage<{ items: DeadLetter[] }>(this.#log.url, '/dead-letters');
    return page.items.map(({ attributes, error }) =>
      error.data.includes('other operands') ? attributes.id : error.data,
    );
  }
}

interface DeadLetter {
  readonly attributes: { readonly id: string };
  readonly error: { readonly data: string };
}

/** It ends between two instructions, whichever they are. */
function killOf(part: PartProcess, name: string): Disturbance {
  const run = async (): Promise<void> => {
    await part.kill();
    await part.start();
  };
  return { name, isKill: true, run };
}

/** It drains. */
function stopOf(part: PartProcess, name: string): Disturbance {
  const run = async (): Promise<void> => {
    expect(await part.stop()).toBe(0);
    await part.start();
  };
  return { name, isKill: false, run };
}
