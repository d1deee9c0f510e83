import type { Server } from 'node:http';
import { type Socket, connect } from 'node:net';

import { describe, expect, test } from '@jest/globals';

import {
  closeAfterTest,
  eventHeaders,
  getPage,
  postEvent,
  startSubscriber,
  startTestLog,
} from '../../test/test-log.ts';
import { until } from '../../test/until.ts';
import type { EmbeddedLogStatus } from './status.ts';

interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | null;
}

/** Sends one request as given; the event is a good one unless told otherwise. */
async function send(url: string, { method = 'POST', path = '/default/sums', headers, body = '{}' }: Request) {
  const hasBody = method !== 'GET' && body !== null;
  const response = await fetch(url + path, {
    method,
    headers: headers ?? eventHeaders('7'),
    ...(hasBody && { body }),
  });
  return { status: response.status, body: await response.text() };
}

/** Sends bytes, gives all that came back until the connection ended. */
async function sendRaw(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Begins requests that announce a body and send only this much of it; resolves when the server has their heads. */
async function stall(
  server: Server,
  url: string,
  { count = 1, announced, sent = 0 }: { count?: number; announced: number; sent?: number },
): Promise<Socket[]> {
  let begun = 0;
  server.on('request', () => begun++);
  const lines = Object.entries({ ...eventHeaders('7'), host: 'x', 'content-length': String(announced) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`POST /default/sums HTTP/1.1\r\n${head}\r\n${'x'.repeat(sent)}`);
    return socket;
  });
  closeAfterTest(() => {
    for (const socket of sockets) socket.destroy();
    return Promise.resolve();
  });
  await until('all have begun', () => begun === count);
  return sockets;
}

const structured = { 'content-type': 'application/cloudevents+json' };
const event = '{"specversion":"1.0","id":"7","source":"/s","type":"t"}';

describe('the sink answers as a KafkaSink does', () => {
  const cases: [string, Request, number][] = [
    ['a binary event', {}, 202],
    ['an event without data', { body: null }, 202],
    ['any namespace', { path: '/anything/sums' }, 202],
    ['the dead letter topic', { path: '/default/sums-dead-letter' }, 202],
    ['one trailing slash', { path: '/default/sums/' }, 202],
    ['a query', { path: '/default/sums?x=/y' }, 202],
    ['a structured event', { headers: structured, body: event }, 202],
    [
      'an empty id, source and type',
      { headers: { ...eventHeaders(''), 'ce-source': '', 'ce-type': '' } },
      202,
    ],
    ['specversion 0.3', { headers: eventHeaders('7', { 'ce-specversion': '0.3' }) }, 202],
    ['an upper-case extension name', { headers: eventHeaders('7', { 'CE-Extension1': 'x' }) }, 202],
    ['headers near the limit', { headers: eventHeaders('7', { 'ce-x': 'x'.repeat(7_500) }) }, 202],
    [
      'a batch',
      { headers: { 'content-type': 'application/cloudevents-batch+json' }, body: `[${event}]` },
      400,
    ],
    ['no event', { headers: { 'content-type': 'application/json' } }, 400],
    ['a bad time', { headers: eventHeaders('7', { 'ce-time': 'now' }) }, 400],
    ['a bad source', { headers: eventHeaders('7', { 'ce-source': 'a b' }) }, 400],
    [
      'a control character in an attribute',
      { headers: structured, body: event.replace('"t"', '"t","subject":"a\\nb"') },
      400,
    ],
    ['a bad extension name', { headers: eventHeaders('7', { 'ce-a_b': 'x' }) }, 400],
    ['an unknown name', { path: '/default/other' }, 404],
    ['no path', { path: '/' }, 404],
    ['a double slash', { path: '/default//sums' }, 404],
    ['two trailing slashes', { path: '/default/sums//' }, 404],
    ['a longer path', { path: '/default/sums/x' }, 404],
    ['a POST to a page', { path: '/status' }, 404],
    ['GET', { method: 'GET' }, 405],
    ['PUT', { method: 'PUT' }, 405],
    ['DELETE of nothing known', { method: 'DELETE', path: '/x' }, 405],
    ['headers over 8 KiB', { headers: eventHeaders('7', { 'ce-x': 'x'.repeat(8_200) }) }, 431],
    ['a record over 1 MiB', { body: 'x'.repeat(1_048_500) }, 503],
    ['a body over 2 MiB', { body: 'x'.repeat(2_100_000) }, 503],
  ];
  test.each(cases)('%s', async (_what, request, status) => {
    const { url } = await startTestLog();
    expect(await send(url, request)).toEqual({ status, body: '' });
  });

  test('and takes no notice of Expect: 100-continue', async () => {
    const { url } = await startTestLog();
    const head = Object.entries({
      ...eventHeaders('7'),
      host: 'x',
      expect: '100-continue',
      connection: 'close',
    });
    const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const answer = await sendRaw(url, `POST /default/sums HTTP/1.1\r\n${lines}content-length: 2\r\n\r\n{}`);
    expect(answer).toMatch(/^HTTP\/1.1 202 /);
  });
});

test('a full queue is answered with 503 and takes more once it has room', async () => {
  const held = Promise.withResolvers<'answer'>();
  const { url } = await startTestLog(
    { maxQueuedRequests: 1 },
    { faults: { sink: ({ headers }) => (headers['ce_id'] === 'held' ? held.promise : 'answer') } },
  );
  const first = postEvent(url, 'held');
  await until('the queue is full', async () => (await postEvent(url, 'more')) === 503);
  held.resolve('answer');
  expect(await first).toBe(202);
  expect(await postEvent(url, 'again')).toBe(202);
});

describe('the queue counts', () => {
  test('the bytes of records that are being stored', async () => {
    const held = Promise.withResolvers<'answer'>();
    const { url } = await startTestLog(
      { maxQueuedBytes: 11_500 },
      { faults: { sink: ({ headers }) => (headers['ce_id'] === 'held' ? held.promise : 'answer') } },
    );
    const first = postEvent(url, 'held', {}, 'x'.repeat(9_000));
    const more = () => postEvent(url, 'more', {}, 'x'.repeat(2_600));
    await until('the queue is full', async () => (await more()) === 503);
    held.resolve('answer');
    expect(await first).toBe(202);
    expect(await more()).toBe(202);
  });

  test('no byte that is announced and has not come', async () => {
    const { url, eventLog } = await startTestLog({ maxQueuedBytes: 1_048_576 });
    await stall(eventLog.server, url, { count: 64, announced: 1_048_576 });
    expect(await postEvent(url, 'other')).toBe(202);
  });

  test('the bytes that have come, until the request ends', async () => {
    const { url, eventLog } = await startTestLog({ maxQueuedBytes: 1_048_576 });
    const sockets = await stall(eventLog.server, url, { announced: 1_000_000, sent: 900_000 });
    const other = () => postEvent(url, 'other', {}, 'x'.repeat(200_000));
    await until('the queue is full', async () => (await other()) === 503);
    for (const socket of sockets) socket.destroy();
    await until('the queue has room', async () => (await other()) === 202);
  });

  test('a request of which no byte has come as a little', async () => {
    const { url, eventLog } = await startTestLog({ maxQueuedBytes: 1_500 });
    await stall(eventLog.server, url, { announced: 100 });
    expect(await postEvent(url, 'other')).toBe(503);
  });
});

test('a request that does not come in time is ended, soon after its time', async () => {
  const { url, eventLog } = await startTestLog();
  const { server } = eventLog;
  expect(server).toMatchObject({ requestTimeout: 30_000, headersTimeout: 10_000 });
  const [socket] = await stall(server, url, { announced: 100 });
  server.headersTimeout = 10;
  server.requestTimeout = 10;
  await until('it is ended', () => socket?.resume().closed === true);
});

test('a drain refuses new records with 503 while an attempt in flight still finishes', async () => {
  const subscriber = await startSubscriber();
  const held = Promise.withResolvers<{ status: number }>();
  subscriber.respond = () => held.promise;
  const { url, eventLog } = await startTestLog({}, { subscriber });
  expect(await postEvent(url, 'in-flight')).toBe(202);
  await until('it is being delivered', () => subscriber.deliveries.length === 1);
  const drained = eventLog.drain();
  expect(await postEvent(url, 'late')).toBe(503);
  held.resolve({ status: 204 });
  await drained;
  expect(subscriber.ids).toEqual(new Set(['in-flight']));
});

describe('the pages', () => {
  test('tell the state of the log', async () => {
    const { url, subscriber } = await startTestLog();
    await postEvent(url, 'a');
    const status = await until('it is delivered', async () => {
      const page = await getPage<EmbeddedLogStatus>(url, '/status');
      return page.committedOffset === 1 && page;
    });
    expect(status).toEqual({
      records: 1,
      lag: 0,
      firstOffset: 0,
      nextOffset: 1,
      committedOffset: 1,
      savedOffset: 0,
      inFlight: 0,
      delivered: 1,
      redeliveries: 0,
      deadLetters: 0,
      subscriber: subscriber.url.href,
      draining: false,
    });
  });

  test('list the records a page at a time', async () => {
    const { url } = await startTestLog();
    for (const id of ['a', 'b', 'c']) await postEvent(url, id, { 'ce-partitionkey': `key-${id}` });
    await send(url, { headers: eventHeaders('binary', { 'content-type': 'x/y' }), body: null });
    const first = await getPage<{ items: unknown[] }>(url, '/records?limit=2');
    const { 'content-type': contentType, ...attributes } = eventHeaders('a');
    expect(first).toEqual({
      items: [
        {
          offset: 0,
          time: expect.stringMatching(/Z$/),
          key: 'key-a',
          attributes: {
            ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name.slice(3), value])),
            partitionkey: 'key-a',
          },
          contentType,
          data: '{"a":"2","b":"3","sum":"5"}',
        },
        expect.objectContaining({ offset: 1 }),
      ],
      next: 2,
    });
    expect(await getPage(url, '/records?from=2')).toMatchObject({
      items: [{ offset: 2 }, { offset: 3, data: null, contentType: 'x/y' }],
      next: null,
    });
  });

  test.each(['/records?from=x', '/records?limit=0', '/dead-letters?limit=1001'])(
    'refuse %s',
    async (path) => {
      const { url } = await startTestLog();
      expect((await send(url, { method: 'GET', path })).status).toBe(400);
    },
  );

  test('answer probes and give metrics', async () => {
    const { url, subscriber } = await startTestLog();
    await postEvent(url, 'a');
    await until('it is delivered', () => subscriber.deliveries.length === 1);
    await until('it is counted', async () => (await getPage<EmbeddedLogStatus>(url, '/')).delivered === 1);
    expect((await send(url, { method: 'GET', path: '/health/liveness' })).status).toBe(200);
    expect((await send(url, { method: 'GET', path: '/health/readiness' })).status).toBe(200);
    const { body } = await send(url, { method: 'GET', path: '/metrics' });
    expect(body).toContain('tally_log_sink_requests_total{status="202"} 1');
    expect(body).toContain('tally_log_lag 0');
    expect(body).toContain('tally_log_delivered_total 1');
  });
});
