// Reaching the embedded log from outside, running and stopped. Kafka: test/kafka/access.test.ts.

import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { ConfigError } from '../../lib/env.ts';
import { AppError } from '../../lib/errors.ts';
import { createServer, listen } from '../../lib/http.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { closeAfterTest, startTestLog } from '../../test/test-log.ts';
import { until } from '../../test/until.ts';
import type { LogRecord, StoredRecord, Topic } from '../log/record.ts';
import { Store } from '../log/store.ts';
import { type LogAccess, openLog, type ReadRange } from './log-access.ts';

const event = { ce_specversion: '1.0', ce_id: 'a', ce_source: '/s', ce_type: 't' };
const trace = {
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  tracestate: 'x=1',
  baggage: 'y=2',
};

/** Each in a way that a sink could change it on its way through. */
const records: readonly LogRecord[] = [
  { key: null, headers: { ...event, 'content-type': 'application/json' }, value: Buffer.from('{"a": 1.50}') },
  { key: 'key', headers: { ...event, ce_partitionkey: 'key', ...trace }, value: null },
  {
    key: null,
    headers: { ...event, ce_subject: 'Grüße \u0085', 'content-type': 'x/y' },
    value: Buffer.from([0, 255]),
  },
  {
    key: null,
    headers: { ...event, ce_subject: ' 東京 ', 'content-type': 'x/y' },
    value: Buffer.from('1.50'),
  },
  { key: null, headers: { ...event, ce_note: 'x'.repeat(9_000) }, value: Buffer.from('\ufeff{}') },
  {
    key: null,
    headers: { ...event, 'content-type': 'application/cloudevents+json' },
    value: Buffer.from('['),
  },
];

function seed(topic: Topic, added: readonly LogRecord[]): string {
  const dataDir = makeTempDir();
  const store = new Store(join(dataDir, 'log.db'));
  store.append(added.map((record) => ({ topic, record })));
  store.close();
  return dataDir;
}

/** Opens the log in a directory: running, after it has delivered all that it can, or its file. */
async function open(isRunning: boolean, dataDir: string): Promise<LogAccess> {
  let at = dataDir;
  if (isRunning) {
    const { url, eventLog } = await startTestLog({ dataDir });
    await until('all is delivered', () => eventLog.status().lag === 0);
    at = url;
  }
  const access = await openLog(at, {});
  closeAfterTest(() => access.close());
  return access;
}

async function readAll(
  access: LogAccess,
  topic: Topic,
  ranges: readonly ReadRange[],
): Promise<readonly (readonly StoredRecord[])[]> {
  const pages: (readonly StoredRecord[])[] = [];
  for await (const page of access.read(topic, ranges)) pages.push(page);
  return pages;
}

/** All but the trace context's span, which every hop has of its own. */
function comparable({ key, headers, value }: LogRecord) {
  const { traceparent, ...others } = headers;
  return {
    ...{ key, headers: others, value: value === null ? null : Buffer.from(value).toString('hex') },
    traceId: traceparent?.slice(0, 35),
  };
}

describe.each([
  ['running', true],
  ['stopped', false],
] as const)('an embedded log that is %s', (_, isRunning) => {
  test.each(['sums', 'sums-dead-letter'] as const)('gives its records of %s whole', async (topic) => {
    const access = await open(isRunning, seed(topic, records));
    const [read] = await readAll(access, topic, [{ partition: 0, from: 0, to: records.length }]);
    expect(
      read?.map(({ key, headers, value }) => ({ key, headers, value: value && Buffer.from(value) })),
    ).toEqual(records.map((record) => ({ ...record, value: record.value && Buffer.from(record.value) })));
    expect(read?.map(({ partition, offset }) => [partition, offset])).toEqual(
      records.map((_record, n) => [0, n]),
    );
    expect(Math.abs((read?.[0]?.timeMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('reads exactly the range that is asked for, in pages', async () => {
    const many = Array.from({ length: 2_500 }, (_record, n) => ({
      ...{ key: null, headers: { ...event, ce_id: String(n) }, value: null },
    }));
    const access = await open(isRunning, seed('sums', many));
    const pages = await readAll(access, 'sums', [{ partition: 0, from: 3, to: 2_402 }]);
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flat().map(({ headers }) => headers['ce_id'])).toEqual(
      many.slice(3, 2_402).map(({ headers }) => headers.ce_id),
    );
    expect(await readAll(access, 'sums', [{ partition: 0, from: 7, to: 7 }])).toEqual([]);
    expect(await readAll(access, 'sums', [{ partition: 1, from: 0, to: 1 }])).toEqual([]);
  });

  test('gives what retention has left of a range, and nothing beyond it', async () => {
    const dataDir = seed('sums', Array<LogRecord>(30).fill({ key: null, headers: event, value: null }));
    const store = new Store(join(dataDir, 'log.db'));
    store.saveOffset(20);
    store.removeOld(Date.now() + 60_000, 10);
    store.close();
    const access = await open(isRunning, dataDir);
    const pages = await readAll(access, 'sums', [{ partition: 0, from: 0, to: 15 }]);
    expect(pages.flat().map(({ offset }) => offset)).toEqual([10, 11, 12, 13, 14]);
    expect(await readAll(access, 'sums', [{ partition: 0, from: 0, to: 5 }])).toEqual([]);
  });

  test('gives large records a few at a time', async () => {
    const value = Buffer.alloc(1_000_000, 120);
    const large = Array.from({ length: 50 }, () => ({ key: null, headers: event, value }));
    const access = await open(isRunning, seed('sums-dead-letter', large));
    const pages = await readAll(access, 'sums-dead-letter', [{ partition: 0, from: 0, to: 50 }]);
    expect(pages.flat()).toHaveLength(50);
    expect(Math.max(...pages.map((page) => page.length))).toBeLessThanOrEqual(2);
  });

  test('knows where its topics begin and end', async () => {
    const access = await open(isRunning, seed('sums-dead-letter', records));
    const nextOffset = records.length;
    expect(await access.partitions('sums-dead-letter')).toEqual([
      { partition: 0, firstOffset: 0, nextOffset, committedOffset: 0 },
    ]);
    await access.append('sums', { key: null, headers: event, value: null });
    expect(await access.partitions('sums')).toMatchObject([{ partition: 0, firstOffset: 0, nextOffset: 1 }]);
  });

  test('stores a record with its attributes, key, type and bytes as they are', async () => {
    const access = await open(isRunning, seed('sums', []));
    for (const record of records) await access.append('sums-dead-letter', record);
    const [stored] = await readAll(access, 'sums-dead-letter', [
      { partition: 0, from: 0, to: records.length },
    ]);
    expect(stored?.map(comparable)).toEqual(records.map(comparable));
  });
});

test('knows what a log that is stopped has delivered', async () => {
  const { url, eventLog, dataDir } = await startTestLog();
  const running = await openLog(url, {});
  await running.append('sums', { key: null, headers: event, value: null });
  await until('it is delivered', () => eventLog.status().lag === 0);
  expect(await running.partitions('sums')).toMatchObject([{ committedOffset: 1, nextOffset: 1 }]);
  await eventLog.drain();
  const stopped = await openLog(join(dataDir, 'log.db'), {});
  closeAfterTest(() => stopped.close());
  expect(await stopped.partitions('sums')).toMatchObject([{ committedOffset: 1, nextOffset: 1 }]);
});

describe('says what to do', () => {
  async function failureOf(log: string | undefined, env: NodeJS.ProcessEnv = {}): Promise<unknown> {
    return openLog(log, env).then(
      () => 'opened',
      (error: unknown) => error,
    );
  }

  test('when the file belongs to a log that runs', async () => {
    const { dataDir } = await startTestLog();
    expect(await failureOf(dataDir)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/log\.db is in use by a log that runs: stop that, or give --log/),
    });
  });

  test('when there is no log in the directory, and makes none', async () => {
    const directory = makeTempDir();
    const failure = {
      code: 'unavailable',
      message: `there is no ${join(directory, 'log.db')}: is it the right directory?`,
    };
    expect(await failureOf(directory)).toMatchObject(failure);
    expect(await failureOf(directory)).toMatchObject(failure);
  });

  test('when nothing answers', async () => {
    expect(await failureOf('http://127.0.0.1:1')).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/no answer from http:\/\/127\.0\.0\.1:1: .*does it run\?/),
    });
    expect(await failureOf('http://')).toMatchObject({ code: 'invalid' });
  });

  test.each([
    ['{"total":"5"}', 200, "is not Tally's log: see --log and LOG_URL"],
    ['<html>', 200, "is not Tally's log: see --log and LOG_URL"],
    ['', 404, "is not Tally's log: see --log and LOG_URL"],
    ['{"lag":0,"group":"accumulate"}', 200, 'keeps its records in Kafka: set KAFKA_BROKERS'],
  ])('when what answers is another server (%s, %d)', async (body, status, message) => {
    expect(await failureOf(await serve(() => [status, body]))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining(message),
    });
  });

  test('when the environment names two logs, or half of a Kafka', async () => {
    const [both, stray] = [
      await failureOf(undefined, {
        KAFKA_BROKERS: 'localhost:9092',
        LOG_URL: 'http://localhost:8082',
        KAFKA_TLS: 'x',
      }),
      await failureOf(undefined, { KAFKA_TOPIC: 'sums', LOG_URL: 'localhost' }),
    ];
    expect([both, stray].every((failure) => failure instanceof ConfigError)).toBe(true);
    expect(String(both)).toMatch(/KAFKA_BROKERS, LOG_URL should not both be set[^]*KAFKA_TLS/);
    expect(String(stray)).toMatch(/LOG_URL was "localhost"[^]*KAFKA_TOPIC should be unset/);
  });
});

test('LOG_URL, else LOG_PORT, say where the log is', async () => {
  const { url } = await startTestLog();
  expect((await openLog(undefined, { LOG_URL: url })).name).toBe(url);
  const { port } = new URL(url);
  expect((await openLog(undefined, { LOG_PORT: port })).name).toBe(`http://localhost:${port}`);
});

test('an append is tried again while the log cannot store, and not when it refuses', async () => {
  const statuses = [503, 503, 202, 400];
  const url = await serve((method) =>
    method === 'GET' ? [200, '{"lag":0}'] : [statuses.shift() ?? 500, ''],
  );
  const access = await openLog(url, {});
  await access.append('sums', { key: null, headers: event, value: null });
  expect(statuses).toEqual([400]);
  const refused = access.append('sums', { key: null, headers: event, value: null });
  await expect(refused).rejects.toThrow(
    new AppError('refused', `${url} refused a record with 400: see what it logs`),
  );
});

/** A server that answers each request with a status and a body. */
async function serve(answer: (method: string) => readonly [status: number, body: string]): Promise<string> {
  const server = createServer((request, response) => {
    const [status, body] = answer(request.method ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  const port = await listen(server, 0, '127.0.0.1');
  closeAfterTest(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${port}`;
}
