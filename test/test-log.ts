// An embedded event log for one test: real files in a directory of its own, a real server on a free port, and a
// subscriber that can be told to misbehave. All of it is closed after the test.

import { afterEach } from '@jest/globals';

import { listen } from '../lib/http.ts';
import { createLog } from '../lib/log.ts';
import { type LogConfig, readConfig } from '../local/log/config.ts';
import { type EventLog, createEventLog } from '../local/log/event-log.ts';
import type { Faults } from '../local/log/faults.ts';
import { FakeSubscriber } from './fake-subscriber.ts';
import { makeTempDir } from './temp-dir.ts';

export interface TestLog {
  readonly eventLog: EventLog;
  readonly subscriber: FakeSubscriber;
  readonly url: string;
  readonly dataDir: string;
  /** What `fail` was told. */
  readonly failures: unknown[];
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Closes something after the test. */
export function closeAfterTest(close: () => Promise<void>): void {
  closers.push(close);
}

export async function startSubscriber(): Promise<FakeSubscriber> {
  const subscriber = await FakeSubscriber.start();
  closeAfterTest(() => subscriber.close());
  return subscriber;
}

/** @param settings over quick ones: 2 retries, the first after 2 ms */
export async function startTestLog(
  settings: Partial<LogConfig> = {},
  options: { subscriber?: FakeSubscriber; faults?: Faults } = {},
): Promise<TestLog> {
  const subscriber = options.subscriber ?? (await startSubscriber());
  const dataDir = settings.dataDir ?? makeTempDir();
  const config = {
    ...readConfig({
      SUBSCRIBER: subscriber.url.href,
      DATA_DIR: dataDir,
      DELIVERY_RETRIES: '2',
      DELIVERY_BACKOFF: '1ms',
    }),
    ...settings,
  };
  const failures: unknown[] = [];
  const eventLog = createEventLog({
    config,
    log: await createLog('log', 'silent'),
    fail: (error) => failures.push(error),
    faults: options.faults ?? {},
  });
  const port = await listen(eventLog.server, 0, '127.0.0.1');
  eventLog.start();
  let drained: Promise<void> | undefined;
  const drain = (): Promise<void> => (drained ??= eventLog.drain());
  closeAfterTest(drain);
  return { eventLog: { ...eventLog, drain }, subscriber, url: `http://127.0.0.1:${port}`, dataDir, failures };
}

/** A binary CloudEvent's headers. */
export function eventHeaders(
  id: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-source': '/functions/add',
    'ce-type': 'dev.tally.sum.v1',
    ...more,
  };
}

/** Posts one event; gives the status. */
export async function postEvent(
  url: string,
  id: string,
  more: Readonly<Record<string, string>> = {},
  body = '{"a":"2","b":"3","sum":"5"}',
): Promise<number> {
  const response = await fetch(`${url}/default/sums`, {
    method: 'POST',
    headers: eventHeaders(id, more),
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

/** Posts many events, some at a time, until the log goes away; gives the ids that were answered with 202. */
export async function postEvents(url: string, ids: readonly string[], atOnce = 16): Promise<Set<string>> {
  const accepted = new Set<string>();
  const waiting = ids.values();
  const worker = async (): Promise<void> => {
    for (const id of waiting) if ((await postEvent(url, id)) === 202) accepted.add(id);
  };
  // A worker ends with the connection that the log dropped.
  await Promise.allSettled(Array.from({ length: atOnce }, worker));
  return accepted;
}

/** GETs a page of the log as JSON. */
export async function getPage<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}${path}`);
  return (await response.json()) as T;
}
