import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';

import {
  add,
  answer,
  detailsOf,
  failure,
  type FakeSink,
  hang,
  Harness,
  inTurn,
  metric,
  request,
  reset,
  until,
} from './harness.ts';

const harness = new Harness();
let sink: FakeSink;

beforeEach(async () => {
  sink = await harness.sink();
});
afterEach(() => harness.stop());

function start(env: Record<string, string> = {}) {
  return harness.add({ K_SINK: sink.url, ...env });
}

describe('delivery', () => {
  test('posts one CloudEvent in binary mode and answers the exact sum', async () => {
    const { client } = await start();
    const message = request({ a: '0.10', b: '-3.300', total: 'votes' });
    await expect(add(client, message)).resolves.toEqual({
      requestId: message.requestId,
      sum: '-3.2',
      replayed: false,
    });
    expect(sink.events).toHaveLength(1);
    expect(sink.events[0]).toMatchObject({
      url: '/tally/sums',
      body: '{"a":"0.1","b":"-3.3","sum":"-3.2"}',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': message.requestId,
        'ce-source': '/functions/add',
        'ce-type': 'dev.tally.sum.v1',
        'ce-subject': 'votes',
        'ce-partitionkey': message.requestId,
      },
    });
    expect(new Date(String(sink.events[0]?.headers['ce-time'])).getTime()).not.toBeNaN();
  });

  test('takes an id in upper case as the same id', async () => {
    const { client } = await start();
    const message = request();
    await add(client, { ...message, requestId: message.requestId.toUpperCase() });
    await expect(add(client, message)).resolves.toMatchObject({ replayed: true });
    expect(sink.ids).toEqual([message.requestId]);
  });

  test('fits two operands of 1,000 digits', async () => {
    const { client } = await start();
    const nines = '9'.repeat(1000);
    await expect(add(client, request({ a: nines, b: '1' }))).resolves.toMatchObject({
      sum: `1${'0'.repeat(1000)}`,
    });
  });

  test('carries the attributes of K_CE_OVERRIDES', async () => {
    const { client } = await start({ K_CE_OVERRIDES: '{"extensions":{"region":"eu","tier":"1"}}' });
    await add(client, request());
    expect(sink.events[0]?.headers).toMatchObject({ 'ce-region': 'eu', 'ce-tier': '1' });
  });

  const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  test.each([
    ['a valid one is carried', valid, valid],
    ['zeros are none', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, undefined],
    ['upper case is none', valid.toUpperCase(), undefined],
    ['version ff is none', `ff${valid.slice(2)}`, undefined],
    ['other text is none', 'x', undefined],
  ])('traceparent: %s', async (_name, sent, carried) => {
    const { client } = await start();
    const metadata = new Metadata();
    metadata.set('traceparent', sent);
    await add(client, request(), {}, metadata);
    expect(sink.events[0]?.headers['traceparent']).toBe(carried);
    expect(sink.events[0]?.headers['ce-traceparent']).toBe(carried);
  });
});

describe('I1: success means that the sink acknowledged', () => {
  test.each([404, 408, 425, 429, 500, 503, 599])('I1 %i is tried again until a 2xx', async (refusal) => {
    const { client, port } = await start();
    sink.behave = inTurn(answer(refusal), answer(refusal), answer(202));
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5', replayed: false });
    expect(sink.events).toHaveLength(3);
    await expect(metric(port, 'tally_add_sink_attempts_total{outcome="retry"}')).resolves.toBe(2);
  });

  test.each([200, 202, 204])('I1 %i is an acknowledgement', async (acknowledgement) => {
    const { client } = await start();
    sink.behave = answer(acknowledgement);
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
  });

  test.each([301, 303, 400, 401, 403, 405, 409, 413, 422])(
    'I1 %i is final: INTERNAL, not tried again, not cached',
    async (refusal) => {
      const { client } = await start();
      sink.behave = inTurn(answer(refusal), answer(202));
      const message = request();
      const error = await failure(add(client, message));
      expect(error.code).toBe(status.INTERNAL);
      expect(error.details).toContain(`the sink answered ${refusal}`);
      expect(detailsOf(error)['ErrorInfo']).toMatchObject({ reason: 'REFUSED', domain: 'tally.dev' });
      expect(sink.events).toHaveLength(1);
      await expect(add(client, message)).resolves.toMatchObject({ replayed: false });
    },
  );

  test('I1 a sink that never takes it: UNAVAILABLE with its last status, not cached', async () => {
    const { client } = await start({ ADD_TIMEOUT: '150ms' });
    sink.behave = answer(503);
    const message = request();
    // The deadline may pass within an attempt too, so a few calls are made.
    let error = await failure(add(client, message));
    while (error.code !== status.UNAVAILABLE) error = await failure(add(client, message));
    expect(error.details).toContain('answered 503');
    expect(error.details).toContain('call again with the same request_id');
    expect(detailsOf(error)).toMatchObject({
      ErrorInfo: { reason: 'UNAVAILABLE' },
      RetryInfo: { retryDelay: { seconds: 0 } },
    });
    sink.behave = answer(202);
    await expect(add(client, message)).resolves.toMatchObject({ replayed: false });
  });

  test('I1 a sink that cannot be reached: UNAVAILABLE or DEADLINE_EXCEEDED, with room for later calls', async () => {
    await sink.stop();
    const { client, port } = await start({ ADD_TIMEOUT: '100ms', SINK_CONNECTIONS: '2' });
    const errors = await Promise.all(Array.from({ length: 50 }, () => failure(add(client, request()))));
    const codes = new Set(errors.map(({ code }) => code));
    codes.delete(status.UNAVAILABLE);
    codes.delete(status.DEADLINE_EXCEEDED);
    expect(codes.size).toBe(0);
    await expect(metric(port, 'tally_add_in_flight')).resolves.toBe(0);
  });

  test('a body without end is cut off, and the next call works', async () => {
    const { client } = await start({ SINK_CONNECTIONS: '1' });
    const cut = new Promise((resolve) => {
      sink.behave = inTurn((response) => {
        response.writeHead(202);
        const pour = (): void => {
          while (response.write('x'.repeat(10_000)));
        };
        response.on('drain', pour).on('close', resolve);
        pour();
      }, answer(202));
    });
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
    await cut;
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
  });
});

describe('I2: an id is sent once', () => {
  test('I2 a repeated call is answered from the cache', async () => {
    const { client, port } = await start();
    const message = request();
    const first = await add(client, message);
    await expect(add(client, message)).resolves.toEqual({ ...first, replayed: true });
    expect(sink.events).toHaveLength(1);
    await expect(metric(port, 'tally_add_cache_hits_total')).resolves.toBe(1);
  });

  test('I2 the same id a thousand times at once sends one event', async () => {
    const { client, port } = await start();
    const gate = sink.hold();
    const message = request();
    const calls = Array.from({ length: 1000 }, () => add(client, message));
    await until(async () => (await metric(port, 'tally_add_in_flight')) === 1000);
    gate.open();
    const responses = await Promise.all(calls);
    expect(sink.events).toHaveLength(1);
    expect(responses.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(responses.map(({ sum }) => sum))).toEqual(new Set(['5']));
    await expect(metric(port, 'tally_add_coalesced_total')).resolves.toBe(999);
  });

  test('I2 an answer that is lost is asked for again with identical bytes', async () => {
    const { client } = await start();
    sink.behave = inTurn(reset, reset, answer(202));
    await expect(add(client, request({ a: '1.50' }))).resolves.toMatchObject({ sum: '4.5' });
    expect(sink.events).toHaveLength(3);
    expect(sink.events[1]).toEqual(sink.events[0]);
    expect(sink.events[2]).toEqual(sink.events[0]);
  });

  test('I2 an attempt without an answer is made again with identical bytes', async () => {
    const { client } = await start({ SINK_ATTEMPT_TIMEOUT: '50ms' });
    sink.behave = inTurn(hang, answer(202));
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
    expect(sink.events).toHaveLength(2);
    expect(sink.events[1]).toEqual(sink.events[0]);
  });

  test('I2 a full cache forgets the oldest; the id then is sent again, for the ledger to judge', async () => {
    const { client } = await start({ CACHE_ENTRIES: '2' });
    const [first, second, third] = [request(), request(), request()];
    for (const message of [first, second, third]) await add(client, message);
    await expect(add(client, third)).resolves.toMatchObject({ replayed: true });
    await expect(add(client, second)).resolves.toMatchObject({ replayed: true });
    await expect(add(client, first)).resolves.toMatchObject({ replayed: false, sum: '5' });
    expect(sink.ids).toEqual([first, second, third, first].map(({ requestId }) => requestId));
  });

  test('I2 an entry past its age is forgotten', async () => {
    const { client } = await start({ CACHE_AGE: '1ms' });
    const message = request();
    await add(client, message);
    await until(async () => !(await add(client, message)).replayed);
    expect(new Set(sink.ids)).toEqual(new Set([message.requestId]));
  });

  test('I2 a caller that cancels leaves the event on its way, and its retry gets the answer', async () => {
    const { client, port } = await start();
    const gate = sink.hold();
    const message = request();
    const cancelled = new Promise<number>((resolve) => {
      const call = client.add(message, (error) => {
        resolve(error?.code ?? status.OK);
      });
      void until(() => sink.events.length === 1).then(() => {
        call.cancel();
      });
    });
    await expect(cancelled).resolves.toBe(status.CANCELLED);
    const retry = add(client, message);
    await until(async () => (await metric(port, 'tally_add_coalesced_total')) === 1);
    gate.open();
    await expect(retry).resolves.toMatchObject({ sum: '5', replayed: true });
    expect(sink.events).toHaveLength(1);
  });
});

describe('I6: an id means one thing', () => {
  const others = [{ a: '7' }, { b: '7' }, { total: 'other' }];
  const text = 'was used with another a, b or total';

  test.each(others)('I6 a cached id with %j is refused', async (other) => {
    const { client } = await start();
    const message = request();
    await add(client, message);
    const error = await failure(add(client, { ...message, ...other }));
    expect(error.code).toBe(status.ALREADY_EXISTS);
    expect(error.details).toContain(text);
    expect(detailsOf(error)['ErrorInfo']).toMatchObject({ reason: 'CONFLICT' });
    expect(sink.events).toHaveLength(1);
  });

  test.each(others)(
    'I6 an id in flight with %j is refused, and the flight is not disturbed',
    async (other) => {
      const { client } = await start();
      const gate = sink.hold();
      const message = request();
      const first = add(client, message);
      await until(() => sink.events.length === 1);
      const error = await failure(add(client, { ...message, ...other }));
      expect(error.code).toBe(status.ALREADY_EXISTS);
      gate.open();
      await expect(first).resolves.toMatchObject({ sum: '5' });
      expect(sink.events).toHaveLength(1);
    },
  );

  test('I6 long operands are told apart as well', async () => {
    const { client } = await start();
    const message = request({ a: '1'.repeat(900), b: '2'.repeat(900) });
    await add(client, message);
    const error = await failure(add(client, { ...message, b: `${'2'.repeat(899)}3` }));
    expect(error.code).toBe(status.ALREADY_EXISTS);
  });

  test('I6 another way to write the same number is the same number', async () => {
    const { client } = await start();
    const message = request({ a: '1.5', total: 'default' });
    await add(client, message);
    const again = await add(client, { ...message, a: '01.50', total: '' });
    expect(again).toMatchObject({ replayed: true, sum: '4.5' });
  });
});

describe('I7: not knowing is said', () => {
  test('I7 a timeout says so, is not cached, and the same id works later', async () => {
    // The second call has no more, and must not time out on a busy machine.
    const { client, port } = await start({ ADD_TIMEOUT: '1s' });
    sink.behave = inTurn(hang, answer(202));
    const message = request();
    const error = await failure(add(client, message));
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(error.details).toContain('unknown: call again with the same request_id');
    expect(detailsOf(error)['ErrorInfo']).toMatchObject({ reason: 'TIMEOUT' });
    await expect(metric(port, 'tally_add_in_flight')).resolves.toBe(0);
    await expect(add(client, message)).resolves.toMatchObject({ sum: '5', replayed: false });
    expect(sink.ids).toEqual([message.requestId, message.requestId]);
  });

  test.each([
    ['a lost answer', reset],
    ['no answer in time', hang],
    ['500', answer(500)],
    ['503', answer(503)],
    ['408', answer(408)],
  ])('I7 a refusal after %s is no proof that it was not counted', async (_name, uncertain) => {
    const { client } = await start({ SINK_ATTEMPT_TIMEOUT: '100ms' });
    sink.behave = inTurn(uncertain, answer(429), answer(403));
    const error = await failure(add(client, request()));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.details).toContain('answered 403');
    expect(error.details).toContain('whether it was counted is unknown');
    expect(sink.events).toHaveLength(3);
  });

  test.each([404, 425, 429])('I7 a refusal after %i is still one', async (earlier) => {
    const { client } = await start();
    sink.behave = inTurn(answer(earlier), answer(403));
    const error = await failure(add(client, request()));
    expect(error.code).toBe(status.INTERNAL);
    expect(error.details).not.toContain('unknown');
    expect(sink.events).toHaveLength(2);
  });

  test("I7 the caller's own deadline is answered in time for the hint to arrive", async () => {
    const { client } = await start();
    sink.behave = hang;
    const error = await failure(add(client, request(), { deadline: Date.now() + 400 }));
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(error.details).toContain('call again with the same request_id');
  });

  test('I7 a caller that joins with more time gets the answer that the first did not wait for', async () => {
    const { client } = await start();
    const gate = sink.hold();
    const message = request();
    const short = failure(add(client, message, { deadline: Date.now() + 300 }));
    const long = add(client, message, { deadline: Date.now() + 30_000 });
    expect((await short).code).toBe(status.DEADLINE_EXCEEDED);
    gate.open();
    await expect(long).resolves.toMatchObject({ sum: '5' });
    expect(sink.events).toHaveLength(1);
  });
});

describe('deadlines', () => {
  test('a caller that joins with more time keeps the attempts going after the first gave up', async () => {
    const { client } = await start();
    const message = request();
    sink.behave = answer(503);
    const short = failure(add(client, message, { deadline: Date.now() + 300 }));
    await until(() => sink.events.length > 0);
    const long = add(client, message, { deadline: Date.now() + 30_000 });
    expect((await short).code).toBe(status.DEADLINE_EXCEEDED);
    sink.behave = answer(202);
    await expect(long).resolves.toMatchObject({ sum: '5', replayed: true });
  });
});

describe('limits', () => {
  test('a call over the in-flight limit is turned away at once, with pushback', async () => {
    const { client, port } = await start({ MAX_IN_FLIGHT: '2' });
    const gate = sink.hold();
    const waiting = [add(client, request()), add(client, request())];
    await until(() => sink.events.length === 2);
    const error = await failure(add(client, request()));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(Number(error.metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThanOrEqual(100);
    expect(detailsOf(error)).toMatchObject({
      ErrorInfo: { reason: 'OVERLOADED' },
      RetryInfo: { retryDelay: { seconds: 0 } },
    });
    gate.open();
    await Promise.all(waiting);
    expect(sink.events).toHaveLength(2);
    sink.behave = answer(202);
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
    await expect(metric(port, 'tally_add_in_flight')).resolves.toBe(0);
  });

  test('every bad field is named at once, and nothing is sent', async () => {
    const { client } = await start();
    const error = await failure(add(client, { requestId: 'x', a: '1e3', b: '', total: 'No!' }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const { BadRequest } = detailsOf(error) as { BadRequest: { fieldViolations: { field: string }[] } };
    expect(BadRequest.fieldViolations.map(({ field }) => field)).toEqual(['request_id', 'a', 'b', 'total']);
    expect(sink.events).toHaveLength(0);
  });

  const hostile = {
    'a huge exponent': { a: '1e999999999' },
    'too many digits': { a: '9'.repeat(1001) },
    NaN: { a: 'NaN' },
    Infinity: { a: '-Infinity' },
    hexadecimal: { a: '0x10' },
    'digits of another script': { a: '١٢٣' },
    'full-width digits': { a: '１２' },
    'a lone surrogate': { a: '\ud800' },
    'surrogate pairs where the message is cut': {
      a: '😀'.repeat(500),
      b: `${'x'.repeat(38)}${'😀'.repeat(9)}`,
    },
    'control characters': { b: '1\u0000\r\nce-id: x' },
    'a header in the total': { total: 'x\r\nce-id: y' },
    'a total with a slash': { total: '../etc' },
    'an empty id': { requestId: '' },
    'an id with a line break': { requestId: `${randomUUID().slice(0, 35)}\n` },
    'a prototype key': { total: '__proto__' },
  };
  test.each(Object.entries(hostile))('hostile input: %s', async (_name, fields) => {
    const { client } = await start();
    const error = await failure(add(client, request(fields)));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details.length).toBeLessThan(400);
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
    expect(sink.events).toHaveLength(1);
  });

  test('hostile input: a message of 10 MB', async () => {
    const { client } = await start();
    const error = await failure(add(client, request({ a: '1'.repeat(10_000_000) })));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
    expect(sink.events).toHaveLength(1);
  });

  test('hostile input: a flood of headers', async () => {
    const { client, port } = await start();
    const metadata = new Metadata();
    for (let index = 0; index < 1000; index++) metadata.set(`x-${index}`, 'y'.repeat(1000));
    await failure(add(client, request(), {}, metadata));
    expect(sink.events).toHaveLength(0);
    await expect(add(harness.client(port), request())).resolves.toMatchObject({ sum: '5' });
  });
});
