import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { closeServer, listen } from '../lib/http.ts';
import { createTallyClient, type TallyClient } from './client.ts';
import { FakeAccumulate } from './testing/fake-accumulate.ts';
import { until } from './testing/command.ts';

let accumulate: FakeAccumulate;
let client: TallyClient;

beforeEach(async () => {
  accumulate = await new FakeAccumulate().start();
  client = createTallyClient({ url: accumulate.url });
});

afterEach(async () => {
  await client.close();
  await accumulate.stop();
});

function createAddition(total = 'default') {
  return { requestId: randomUUID() as string, a: '2', b: '0.5', total };
}

describe('total', () => {
  test('is the default one unless named', async () => {
    accumulate.count([createAddition(), createAddition('votes'), createAddition('votes')]);
    expect(await client.total()).toMatchObject({ name: 'default', total: '2.5', count: 1 });
    expect(await client.total('votes')).toMatchObject({ name: 'votes', total: '5', count: 2 });
  });

  test('of an unknown name is not found', async () => {
    await expect(client.total('nothing')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('is asked for again when the server cannot answer just now', async () => {
    accumulate.count([createAddition()]);
    accumulate.failures = 2;
    expect(await client.total()).toMatchObject({ total: '2.5' });
  });

  test('names the address when nobody answers', async () => {
    await accumulate.stop();
    const reading = client.total();
    await expect(reading).rejects.toMatchObject({ code: 'unavailable' });
    await expect(reading).rejects.toThrow(accumulate.url);
    await accumulate.start();
  });

  test.each([
    ['another status', 404, 'text/html', '<p>no</p>'],
    ['another document', 200, 'text/html', '<p>welcome</p>'],
    [
      'no such path',
      404,
      'application/problem+json',
      '{"type":"urn:tally:problem:no-such-path","detail":"no"}',
    ],
    ["a problem that is nobody's", 404, 'application/problem+json', '{"detail":"no"}'],
    ['a problem that is none', 404, 'application/problem+json', 'null'],
  ])('of a server that is not accumulate, known by %s, is refused', async (_, status, type, body) => {
    const other = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    const url = `http://127.0.0.1:${await listen(other, 0)}/`;
    const stranger = createTallyClient({ url });
    const refused = {
      code: 'refused',
      message: expect.stringContaining(`${url} is not accumulate`),
    };
    await expect(stranger.total()).rejects.toMatchObject(refused);
    await expect(stranger.status(randomUUID())).rejects.toMatchObject(refused);
    await stranger.close();
    await closeServer(other);
  });
});

test('totals come page after page, each once, by name', async () => {
  const names = Array.from({ length: 1_203 }, (_, index) => `t${index}`);
  accumulate.count(names.map(createAddition));
  const totals = await Array.fromAsync(client.totals());
  expect(totals.map(({ name }) => name)).toEqual(names.sort());
  expect(accumulate.requests).toHaveLength(3);
});

describe('status', () => {
  test('is undefined while the request is not counted', async () => {
    expect(await client.status(randomUUID())).toBeUndefined();
    expect(await client.status(randomUUID(), { waitMs: 50 })).toBeUndefined();
  });

  test('waits until the request is counted', async () => {
    const addition = createAddition();
    const waiting = client.status(addition.requestId, { waitMs: 30_000 });
    await until(() => accumulate.requests.length === 1);
    accumulate.count([addition]);
    expect(await waiting).toMatchObject({ id: addition.requestId, sum: '2.5' });
  });

  test('asks for the source that is named', async () => {
    await client.status('a/b', { source: '/my source' });
    expect(accumulate.requests).toEqual(['/requests/a%2Fb?source=%2Fmy+source']);
  });

  test('ends at once when it is interrupted', async () => {
    const interruption = new AbortController();
    const waiting = client.status(randomUUID(), { waitMs: 30_000, signal: interruption.signal });
    await until(() => accumulate.requests.length === 1);
    interruption.abort();
    await expect(waiting).rejects.toThrow('interrupted');
  });
});

describe('a server that takes requests and never answers', () => {
  test.each([
    ['total', () => client.total('default', { deadlineMs: 300 })],
    ['totals', () => client.totals({ deadlineMs: 300 })[Symbol.asyncIterator]().next()],
    ['status', () => client.status(randomUUID(), { waitMs: 300 })],
  ])('keeps %s little longer than its deadline', async (_, read) => {
    accumulate.silent = true;
    const startedAt = performance.now();
    await expect(read()).rejects.toMatchObject({ code: 'timeout' });
    expect(performance.now() - startedAt).toBeLessThan(2_500);
  });

  test('keeps a read without deadline about ten seconds, and whoever asked is told of the attempts', async () => {
    accumulate.silent = true;
    const startedAt = performance.now();
    const retries: string[] = [];
    const reading = client.total('default', { onRetry: ({ message }) => retries.push(message) });
    await expect(reading).rejects.toMatchObject({ code: 'timeout' });
    expect(performance.now() - startedAt).toBeLessThan(13_000);
    expect(retries[0]).toBe(`${accumulate.url} did not answer within 5.0 s`);
  }, 20_000);
});
