// The accumulate function as it really runs, in this process: its own port, its own volume, ended after the test.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach } from '@jest/globals';

import { readConfig } from '../functions/accumulate/config.ts';
import { start } from '../functions/accumulate/main.ts';
import { createLog } from '../lib/log.ts';
import { sumEvent, type SumEventOptions } from './sum-event.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  // The last started is the first to end; its volume goes after it.
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export class TestAccumulate {
  readonly port: number;
  readonly directory: string;
  readonly drain: () => Promise<void>;

  constructor(port: number, directory: string, drain: () => Promise<void>) {
    this.port = port;
    this.directory = directory;
    this.drain = drain;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.url(path), { headers });
  }

  async getJson(path: string): Promise<unknown> {
    return (await this.get(path)).json();
  }

  /** The text of a total and how many events are in it. */
  async total(name = 'default'): Promise<{ total: string; count: number }> {
    const { total, count } = (await this.getJson(`/totals/${name}`)) as { total: string; count: number };
    return { total, count };
  }

  post(headers: Record<string, string>, body: string | Uint8Array<ArrayBuffer>): Promise<Response> {
    return fetch(this.url('/'), { method: 'POST', headers, body });
  }

  /** Posts one event in binary mode. */
  add(id: string, a: string, options: SumEventOptions = {}): Promise<Response> {
    const { headers, body } = sumEvent(id, a, options);
    return this.post(headers, body);
  }

  /** Posts a batch of structured events. */
  addBatch(events: readonly unknown[]): Promise<Response> {
    return this.post({ 'content-type': 'application/cloudevents-batch+json' }, JSON.stringify(events));
  }
}

/** Starts it with these environment variables; on a new volume unless `DATA_DIR` names one. */
export async function startAccumulate(env: Record<string, string> = {}): Promise<TestAccumulate> {
  const directory = env['DATA_DIR'] ?? newVolume();
  const config = readConfig({ HOST: '127.0.0.1', PORT: '0', ...env, DATA_DIR: directory });
  const running = await start(config, await createLog('accumulate', 'silent'));
  let drained: Promise<void> | undefined;
  const drain = (): Promise<void> => (drained ??= running.drain());
  cleanups.push(drain);
  return new TestAccumulate(running.port, directory, drain);
}

function newVolume(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tally-accumulate-'));
  cleanups.push(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
