// Posting events: what is counted, what is refused and how, and what a hostile client can do, which is nothing.

import { beforeEach, describe, expect, test } from '@jest/globals';

import { startAccumulate, type TestAccumulate } from '../../test/accumulate.ts';
import { postHead, RawConnection } from '../../test/raw-connection.ts';
import { structuredEvent, sumEvent } from '../../test/sum-event.ts';
import { until } from '../../test/until.ts';

const batchType = 'application/cloudevents-batch+json';

let accumulate: TestAccumulate;

/** Status and outcome of an answer. */
function outcomeOf(response: Response): [number, string | null] {
  return [response.status, response.headers.get('tally-outcome')];
}

/** Nothing was counted, and the process goes on counting. */
async function expectNothingCounted(): Promise<void> {
  expect(await accumulate.total()).toEqual({ total: '0', count: 0 });
  expect(outcomeOf(await accumulate.add('afterwards', '7'))).toEqual([204, 'applied']);
  expect(await accumulate.total()).toEqual({ total: '7', count: 1 });
}

describe('an event that is posted', () => {
  beforeEach(async () => {
    accumulate = await startAccumulate();
  });

  test('I1, I4: is in the total, and is known, as soon as it is acknowledged', async () => {
    for (let n = 1; n <= 20; n++) {
      expect(outcomeOf(await accumulate.add(`id-${n}`, '0.1'))).toEqual([204, 'applied']);
      const { count } = await accumulate.total();
      expect(count).toBe(n);
      expect((await accumulate.get(`/requests/id-${n}`)).status).toBe(200);
    }
    expect(await accumulate.total()).toEqual({ total: '2', count: 20 });
  });

  test('I1: is still counted when the function ends and begins again', async () => {
    await accumulate.add('x', '1.5');
    await accumulate.drain();
    const again = await startAccumulate({ DATA_DIR: accumulate.directory });
    expect(await again.total()).toEqual({ total: '1.5', count: 1 });
    expect(outcomeOf(await again.add('x', '1.5'))).toEqual([204, 'duplicate']);
  });

  test('is answered without a body', async () => {
    const response = await accumulate.add('x', '1');
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  test('I2: counts once, however often and in whatever form it comes', async () => {
    expect(outcomeOf(await accumulate.add('x', '5'))).toEqual([204, 'applied']);
    expect(outcomeOf(await accumulate.add('x', '5.00'))).toEqual([204, 'duplicate']);
    expect(outcomeOf(await accumulate.addBatch([structuredEvent('x', '5')]))).toEqual([204, 'duplicate']);
    expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
  });

  test('I2: counts once when many copies arrive at one time', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => accumulate.add('x', '5')));
    const outcomes = answers.map(outcomeOf);
    expect(outcomes.filter(([, outcome]) => outcome === 'applied')).toEqual([[204, 'applied']]);
    expect(outcomes.filter(([, outcome]) => outcome === 'duplicate')).toHaveLength(49);
    expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
  });

  test('I3: the total is exact, whatever the order of arrival', async () => {
    const amounts = ['0.1', '0.2', '-0.3', '9007199254740993', '0.000000000000000000001', '-1'];
    await Promise.all(amounts.map((amount, index) => accumulate.add(`id-${index}`, amount)));
    expect((await accumulate.total()).total).toBe('9007199254740992.000000000000000000001');
  });

  test('I4: the total never goes back while events come in', async () => {
    const posted = new AbortController();
    const reading = (async () => {
      const counts: number[] = [];
      while (!posted.signal.aborted) counts.push((await accumulate.total()).count);
      return counts;
    })();
    await Promise.all(Array.from({ length: 100 }, (_, index) => accumulate.add(`id-${index}`, '1')));
    posted.abort();
    const counts = await reading;
    expect(counts).toEqual(counts.toSorted((x, y) => x - y));
    expect(await accumulate.total()).toEqual({ total: '100', count: 100 });
  });

  test.each([
    ['another operand', '6', {}],
    ['another total', '5', { total: 'sales' }],
    ['swapped operands', '0', { b: '5', sum: '5' }],
  ])('I6: an id that comes back with %s is a conflict and changes nothing', async (_, a, options) => {
    await accumulate.add('x', '5');
    const response = await accumulate.add('x', a, options);
    expect(response.status).toBe(422);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      type: 'urn:tally:problem:conflict',
      detail: expect.stringContaining('event x of /functions/add was counted with other operands: 5 and 0'),
    });
    expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
    expect((await accumulate.get('/totals/sales')).status).toBe(404);
  });

  test('from before the deduplication window is refused for good, never counted on a guess', async () => {
    const time = new Date(Date.now() - 31 * 86_400_000).toISOString();
    const response = await accumulate.add('x', '5', { time });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ type: 'urn:tally:problem:expired' });
    await expectNothingCounted();
  });

  test('the same id of another source is another event', async () => {
    await accumulate.add('x', '5');
    expect(outcomeOf(await accumulate.add('x', '6', { source: '/other' }))).toEqual([204, 'applied']);
    expect(await accumulate.total()).toEqual({ total: '11', count: 2 });
  });
});

describe('a batch', () => {
  beforeEach(async () => {
    accumulate = await startAccumulate({ MAX_BATCH_EVENTS: '50' });
  });

  const events = (count: number) => Array.from({ length: count }, (_, i) => structuredEvent(`id-${i}`, '1'));

  test('is counted whole, its events to their totals', async () => {
    const batch = [
      structuredEvent('x', '1'),
      structuredEvent('y', '2', { total: 'sales' }),
      structuredEvent('x', '1'),
    ];
    expect(outcomeOf(await accumulate.addBatch(batch))).toEqual([204, 'applied']);
    expect(await accumulate.total()).toEqual({ total: '1', count: 1 });
    expect(await accumulate.total('sales')).toEqual({ total: '2', count: 1 });
  });

  test('of duplicates only is a duplicate; with one new event it is applied', async () => {
    await accumulate.addBatch(events(3));
    expect(outcomeOf(await accumulate.addBatch(events(3)))).toEqual([204, 'duplicate']);
    expect(outcomeOf(await accumulate.addBatch(events(4)))).toEqual([204, 'applied']);
    expect(await accumulate.total()).toEqual({ total: '4', count: 4 });
  });

  test('of no events is taken', async () => {
    expect(outcomeOf(await accumulate.addBatch([]))).toEqual([204, 'applied']);
    await expectNothingCounted();
  });

  test.each([
    ['an invalid event', structuredEvent('bad', 'x'), 400],
    ['an event without id', structuredEvent('', '1'), 400],
    ['an event of another type', { ...structuredEvent('bad', '1'), type: 'other' }, 400],
    [
      'an event of another content type',
      { ...structuredEvent('bad', '1'), datacontenttype: 'text/plain' },
      415,
    ],
    ['an event that conflicts with another one in it', structuredEvent('id-0', '9'), 422],
    ['an expired event', structuredEvent('bad', '1', { time: '2001-01-01T00:00:00Z' }), 422],
  ])('with %s counts nothing at all', async (_, bad, status) => {
    const response = await accumulate.addBatch([...events(10), bad, structuredEvent('last', '1')]);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain('events[10]');
    expect((await accumulate.get('/requests/id-0')).status).toBe(404);
    await expectNothingCounted();
  });

  test('I6: with a conflict leaves what was counted before, and what comes with it can be sent again', async () => {
    await accumulate.add('known', '5');
    const fresh = events(3);
    expect((await accumulate.addBatch([...fresh, structuredEvent('known', '6')])).status).toBe(422);
    expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
    expect(outcomeOf(await accumulate.addBatch(fresh))).toEqual([204, 'applied']);
    expect(await accumulate.total()).toEqual({ total: '8', count: 4 });
  });

  test('of too many events is too large', async () => {
    expect((await accumulate.addBatch(events(51))).status).toBe(413);
    await expectNothingCounted();
    expect((await accumulate.addBatch(events(50))).status).toBe(204);
  });

  test('that was cut off counts nothing', async () => {
    const whole = JSON.stringify(events(10));
    const response = await accumulate.post({ 'content-type': batchType }, whole.slice(0, -1));
    expect(response.status).toBe(400);
    await expectNothingCounted();
  });
});

describe('a refusal', () => {
  beforeEach(async () => {
    accumulate = await startAccumulate({ MAX_BODY_BYTES: '4096' });
  });

  const right = sumEvent('x', '5');
  const without = (name: string): Record<string, string> =>
    Object.fromEntries(Object.entries(right.headers).filter(([header]) => header !== name));

  test.each<[string, number, Record<string, string>, string | Buffer<ArrayBuffer>]>([
    ['no event', 400, { 'content-type': 'application/json' }, right.body],
    ['an event without id', 400, without('ce-id'), right.body],
    ['an event without source', 400, without('ce-source'), right.body],
    ['an event of another type', 400, { ...right.headers, 'ce-type': 'dev.knative.kafka.event' }, right.body],
    ['an event that claims two forms', 400, { ...right.headers, 'content-type': batchType }, '[]'],
    ['no JSON', 400, right.headers, 'a=2'],
    ['no body', 400, right.headers, ''],
    ['a wrong sum', 400, right.headers, '{"a":"2","b":"3","sum":"6"}'],
    ['numbers', 400, right.headers, '{"a":2,"b":3,"sum":5}'],
    ['invalid UTF-8', 400, right.headers, Buffer.from([0x7b, 0xff, 0x7d])],
    ['deep nesting', 400, right.headers, '['.repeat(4_000)],
    ['__proto__', 400, right.headers, '{"__proto__":{"a":"2","b":"3","sum":"5"}}'],
    ['a lone surrogate', 400, right.headers, '{"a":"\\ud800","b":"0","sum":"0"}'],
    [
      'what cannot be converted to text',
      400,
      right.headers,
      '{"a":{"toString":0,"valueOf":0},"b":"0","sum":"0"}',
    ],
    ['another media type', 415, { ...right.headers, 'content-type': 'text/plain' }, right.body],
    ['another event format', 415, { 'content-type': 'application/cloudevents+avro' }, right.body],
    ['a body over the limit', 413, right.headers, ' '.repeat(4_097)],
    ['10 MB', 413, right.headers, '1'.repeat(10_000_000)],
  ])(
    'of %s is a problem document with status %d, and nothing is counted',
    async (_, status, headers, body) => {
      const response = await accumulate.post(headers, typeof body === 'string' ? body : new Uint8Array(body));
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      const problem = (await response.json()) as { status: number; detail: string };
      expect(problem.status).toBe(status);
      expect(problem.detail).not.toBe('');
      await expectNothingCounted();
    },
  );

  test('names every violation', async () => {
    const response = await accumulate.add('x', 'two', { source: '', total: 'Sales', time: 'now' });
    expect(response.status).toBe(400);
    const { violations } = (await response.json()) as { violations: { field: string }[] };
    expect(violations.map(({ field }) => field)).toEqual(['source', 'subject', 'time', 'data.a', 'data.sum']);
  });

  test.each([
    ['PUT', '/', 'GET, HEAD, POST'],
    ['DELETE', '/?x=1', 'GET, HEAD, POST'],
    ['POST', '/page/main.js', 'GET, HEAD'],
    ['POST', '/stream', 'GET, HEAD'],
    ['POST', '/totals/default/stream', 'GET, HEAD'],
    ['POST', '/total', 'GET, HEAD'],
    ['POST', '/total?x=1', 'GET, HEAD'],
    ['DELETE', '/totals/default', 'GET, HEAD'],
    ['PUT', '/totals', 'GET, HEAD'],
    ['POST', '/requests/x', 'GET, HEAD'],
    ['POST', '/metrics', 'GET, HEAD'],
    ['POST', '/openapi.json', 'GET, HEAD'],
    ['POST', '/health/liveness', 'GET, HEAD'],
    ['PATCH', '/health/readiness', 'GET, HEAD'],
  ])('of %s %s names the method that is allowed', async (method, path, allowed) => {
    const response = await fetch(accumulate.url(path), { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
    await expectNothingCounted();
  });

  test.each([
    ['/x'],
    ['/totals/'],
    ['/totals/a/b'],
    ['/totals//stream'],
    ['/requests/'],
    ['/requests'],
    ['//'],
    ['/total/'],
  ])('of an unknown path %s is 404, for a POST too', async (path) => {
    expect((await accumulate.get(path)).status).toBe(404);
    expect((await fetch(accumulate.url(path), { method: 'POST', ...right })).status).toBe(404);
    await expectNothingCounted();
  });

  test('of a flood of headers is 431', async () => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write(postHead({ ...right.headers, 'x-flood': 'x'.repeat(20_000) }));
    await connection.closed;
    expect(connection.statuses).toEqual([431]);
    await expectNothingCounted();
  });

  test('of what is no HTTP is 400', async () => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no HTTP\r\n\r\n');
    await connection.closed;
    expect(connection.statuses).toEqual([400]);
    await expectNothingCounted();
  });

  test('of a body in chunks comes as soon as it is too large, and ends the connection', async () => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write(postHead({ ...right.headers, 'transfer-encoding': 'chunked' }));
    connection.write(`1000\r\n${' '.repeat(0x1000)}\r\n1\r\n \r\n`);
    await connection.closed;
    expect(connection.statuses).toEqual([413]);
    await expectNothingCounted();
  });

  test('of an announced length comes before any of the body, and ends the connection', async () => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write(postHead({ ...right.headers, 'content-length': '4097' }));
    await connection.closed;
    expect(connection.statuses).toEqual([413]);
    await expectNothingCounted();
  });

  test('does not end a connection whose body was read: the next event on it is counted', async () => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write(`${postHead({ ...right.headers, 'content-length': '3' })}a=2`);
    connection.write(
      postHead({ ...right.headers, 'content-length': String(right.body.length) }) + right.body,
    );
    await until('two answers', () => connection.statuses.length === 2);
    expect(connection.statuses).toEqual([400, 204]);
    expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
  });
});

describe('more than can be worked on at one time', () => {
  const limits = { MAX_BODY_BYTES: '4096', MAX_IN_FLIGHT_BYTES: '9000' };

  test('is refused at once with 503, and taken again when there is room', async () => {
    accumulate = await startAccumulate(limits);
    const { headers } = sumEvent('x', '5');
    const slow = await RawConnection.open(accumulate.port);
    slow.write(postHead({ ...headers, 'content-length': '4096' }) + '{'.padEnd(4_000));
    await until('refusal', async () => (await accumulate.post(headers, ' '.repeat(4_096))).status === 503);
    const refused = await accumulate.post(headers, ' '.repeat(4_096));
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ type: 'urn:tally:problem:overloaded' });
    // A small one still fits beside it.
    expect((await accumulate.add('small', '1')).status).toBe(204);
    slow.socket.destroy();
    await until('room', async () => (await accumulate.post(headers, ' '.repeat(4_096))).status === 400);
    expect(await accumulate.total()).toEqual({ total: '1', count: 1 });
  });

  test('is not held by clients that announce much and send nothing', async () => {
    accumulate = await startAccumulate({ MAX_BODY_BYTES: '1048576', MAX_IN_FLIGHT_BYTES: '1048576' });
    const { headers } = sumEvent('x', '5');
    const silent = await Promise.all(Array.from({ length: 40 }, () => RawConnection.open(accumulate.port)));
    for (const connection of silent) connection.write(postHead({ ...headers, 'content-length': '1048576' }));
    for (let n = 0; n < 20; n++) expect((await accumulate.add(`id-${n}`, '1')).status).toBe(204);
    for (const { socket } of silent) socket.destroy();
  });

  test('never is a single body of the permitted size', async () => {
    accumulate = await startAccumulate({ MAX_BODY_BYTES: '4096', MAX_IN_FLIGHT_BYTES: '4096' });
    const { headers, body } = sumEvent('x', '5');
    expect(outcomeOf(await accumulate.post(headers, body.padEnd(4_096)))).toEqual([204, 'applied']);
  });
});

describe('a client that', () => {
  beforeEach(async () => {
    accumulate = await startAccumulate({ REQUEST_TIMEOUT: '100ms' });
  });

  const { headers, body } = sumEvent('x', '5');
  const head = postHead({ ...headers, 'content-length': String(body.length) });

  test.each([
    ['never says anything', ''],
    ['never finishes its headers', head.slice(0, -2)],
    ['never finishes its body', head + body.slice(0, -1)],
  ])('%s is cut off, and nothing is counted', async (_, said) => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write(said);
    await connection.closed;
    expect(connection.statuses).toEqual([408]);
    await expectNothingCounted();
  });

  test.each<[string, (connection: RawConnection) => unknown]>([
    ['closes', (connection) => connection.socket.destroy()],
    ['resets', (connection) => connection.socket.resetAndDestroy()],
    ['half-closes', (connection) => connection.socket.end()],
  ])('%s the connection in the middle of its body has nothing counted', async (_, leave) => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write(head + body.slice(0, -1));
    leave(connection);
    await until('the refusal in the metrics', async () =>
      (await (await accumulate.get('/metrics')).text()).includes(
        'tally_accumulate_refusals_total{code="invalid"} 1',
      ),
    );
    await expectNothingCounted();
  });

  test.each<[string, (connection: RawConnection) => unknown]>([
    ['closes', (connection) => connection.socket.destroy()],
    ['resets', (connection) => connection.socket.resetAndDestroy()],
    ['half-closes', (connection) => connection.socket.end()],
  ])(
    'I2: %s the connection before the answer has its event counted once when it sends it again',
    async (_, leave) => {
      const connection = await RawConnection.open(accumulate.port);
      connection.socket.write(head + body, () => leave(connection));
      await connection.closed;
      expect((await accumulate.add('x', '5')).status).toBe(204);
      expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
    },
  );

  test('sends many events at once on one connection gets an answer to each, in order', async () => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write((head + body).repeat(20));
    await until('answers', () => connection.statuses.length === 20);
    expect(connection.received.match(/tally-outcome: \w+/g)).toEqual([
      'tally-outcome: applied',
      ...Array.from({ length: 19 }, () => 'tally-outcome: duplicate'),
    ]);
    expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
  });
});

describe('ending', () => {
  test('I1: what was acknowledged while it drained is counted, what was not is refused or unanswered', async () => {
    accumulate = await startAccumulate();
    const posts = Array.from({ length: 200 }, (_, index) =>
      accumulate.add(`id-${index}`, '1').then(
        ({ status }) => status,
        () => 0,
      ),
    );
    await until('a first one', async () => (await accumulate.total()).count > 0);
    await accumulate.drain();
    const acknowledged = (await Promise.all(posts)).filter((status) => status === 204).length;
    const again = await startAccumulate({ DATA_DIR: accumulate.directory });
    expect((await again.total()).count).toBeGreaterThanOrEqual(acknowledged);
    await Promise.all(Array.from({ length: 200 }, (_, index) => again.add(`id-${index}`, '1')));
    expect(await again.total()).toEqual({ total: '200', count: 200 });
  });

  test('a port in use is named, and leaves the volume closed', async () => {
    accumulate = await startAccumulate();
    await accumulate.add('x', '1');
    const second = { PORT: String(accumulate.port), DATA_DIR: accumulate.directory };
    await expect(startAccumulate(second)).rejects.toThrow(`port ${accumulate.port} is in use`);
    expect(await accumulate.total()).toEqual({ total: '1', count: 1 });
  });
});
