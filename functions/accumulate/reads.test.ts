// Reading over HTTP: totals with their tags, single requests, probes and metrics.

import { beforeEach, describe, expect, jest, test } from '@jest/globals';

import { startAccumulate, type TestAccumulate } from '../../test/accumulate.ts';
import { RawConnection } from '../../test/raw-connection.ts';
import { structuredEvent } from '../../test/sum-event.ts';
import { until } from '../../test/until.ts';
import { entry, retention, TestLedger } from './ledger/fixtures.ts';
import { Ledger } from './ledger/ledger.ts';

let accumulate: TestAccumulate;

beforeEach(async () => {
  accumulate = await startAccumulate();
});

const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown;

describe('a total', () => {
  test('is 0 for the default one before anything was added', async () => {
    const empty = { name: 'default', total: '0', count: 0, version: 0, updatedAt: null };
    expect(await accumulate.getJson('/total')).toEqual(empty);
    expect(await accumulate.getJson('/totals/default')).toEqual(empty);
  });

  test('is unknown under any other name until something was added to it', async () => {
    const response = await accumulate.get('/totals/sales');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ detail: 'nothing was ever added to a total "sales"' });
    await accumulate.add('x', '0', { total: 'sales' });
    expect(await accumulate.getJson('/totals/sales')).toEqual({
      name: 'sales',
      total: '0',
      count: 1,
      version: 1,
      updatedAt: isoTime,
    });
  });

  test.each([
    ['Sales'],
    ['a%2fb'],
    ['%00'],
    ['__proto__'],
    ['constructor'],
    ['%F0%9F%92%A9'],
    ['a'.repeat(64)],
  ])('has no name %s', async (name) => {
    expect((await accumulate.get(`/totals/${name}`)).status).toBe(404);
  });

  test('may be named in percent-encoding, which has to be UTF-8', async () => {
    expect(await accumulate.getJson('/totals/d%65fault')).toMatchObject({ name: 'default' });
    for (const path of ['/totals/%', '/totals/%ff', '/totals/%ed%a0%80']) {
      expect((await accumulate.get(path)).status).toBe(400);
    }
  });

  test('is a number alone as text/plain, exact at any size', async () => {
    const huge = `${'9'.repeat(500)}.${'9'.repeat(500)}`;
    await accumulate.add('x', huge);
    const response = await accumulate.get('/total', { accept: 'text/plain' });
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await response.text()).toBe(`${huge}\n`);
    expect(await accumulate.getJson('/total')).toMatchObject({ total: huge });
  });

  test('I4: has a version that grows with each event in it', async () => {
    const versions: number[] = [];
    for (const id of ['a', 'b', 'c']) {
      await accumulate.add(id, '0');
      versions.push(((await accumulate.getJson('/total')) as { version: number }).version);
    }
    expect(versions).toEqual([1, 2, 3]);
  });

  test('without its body, for HEAD', async () => {
    const response = await fetch(accumulate.url('/total'), { method: 'HEAD' });
    const whole = await accumulate.get('/total');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
    for (const name of ['content-length', 'content-type', 'etag', 'cache-control']) {
      expect(response.headers.get(name)).toBe(whole.headers.get(name));
    }
  });
});

describe('the tag of a total', () => {
  const tagOf = async (headers: Record<string, string> = {}): Promise<string> =>
    (await accumulate.get('/total', headers)).headers.get('etag') ?? '';

  test('changes with each event and with nothing else', async () => {
    const first = await tagOf();
    expect(await tagOf()).toBe(first);
    await accumulate.add('x', '1');
    const second = await tagOf();
    expect(second).not.toBe(first);
    await accumulate.add('x', '1');
    await accumulate.add('y', '1', { total: 'sales' });
    expect(await tagOf()).toBe(second);
  });

  test('I4: of two histories is never the same, as when a ledger was restored and goes on with other events', async () => {
    const other = await startAccumulate();
    await accumulate.add('x', '1');
    await other.add('y', '2');
    const headers = { 'if-none-match': await tagOf() };
    expect(await (await other.get('/total', headers)).json()).toMatchObject({ version: 1, total: '2' });
  });

  test('differs for text and JSON, and says so to caches', async () => {
    expect(await tagOf({ accept: 'text/plain' })).not.toBe(await tagOf());
    const { headers } = await accumulate.get('/total');
    expect([headers.get('vary'), headers.get('cache-control')]).toEqual(['accept', 'no-cache']);
  });

  test.each<[string, (tag: string) => string]>([
    ['alone', (tag) => tag],
    ['as a weak tag', (tag) => `W/${tag}`],
    ['in a list', (tag) => `"other", ${tag} ,"third"`],
    ['weak in a list', (tag) => `"other",W/${tag}`],
    ['as any', () => '*'],
  ])('saves the body when it comes back %s', async (_, header) => {
    const tag = await tagOf();
    const response = await accumulate.get('/total', { 'if-none-match': header(tag) });
    expect(response.status).toBe(304);
    expect(response.headers.get('etag')).toBe(tag);
    expect(await response.text()).toBe('');
  });

  test.each<[string, (tag: string) => string]>([
    ['another tag', () => '"other"'],
    ['the tag without quotes', (tag) => tag.replaceAll('"', '')],
    ['the tag as a part of another', (tag) => `"x${tag.slice(1)}`],
    ['nothing', () => ''],
  ])('does not save the body for %s', async (_, header) => {
    const tag = await tagOf();
    expect((await accumulate.get('/total', { 'if-none-match': header(tag) })).status).toBe(200);
  });

  test('I4: an old tag gives the new total', async () => {
    const tag = await tagOf();
    await accumulate.add('x', '1');
    const response = await accumulate.get('/total', { 'if-none-match': tag });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ total: '1' });
  });
});

describe('all totals', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];

  async function page(query = ''): Promise<{ names: string[]; next: string | null }> {
    const { totals, next } = (await accumulate.getJson(`/totals${query}`)) as {
      totals: { name: string }[];
      next: string | null;
    };
    return { names: totals.map(({ name }) => name), next };
  }

  test('are none at first', async () => {
    expect(await accumulate.getJson('/totals')).toEqual({ totals: [], next: null });
  });

  test('come in the order of their names, by pages, each named by the one before', async () => {
    await accumulate.addBatch(names.toReversed().map((total) => structuredEvent(total, '1', { total })));
    expect(await page()).toEqual({ names, next: null });
    expect(await page('?limit=5')).toEqual({ names, next: null });
    expect(await page('?limit=2')).toEqual({ names: ['a', 'b'], next: 'b' });
    expect(await page('?limit=2&after=b')).toEqual({ names: ['c', 'd'], next: 'd' });
    expect(await page('?limit=2&after=d')).toEqual({ names: ['e'], next: null });
    expect(await page('?after=bb')).toEqual({ names: ['c', 'd', 'e'], next: null });
    expect(await page('?after=%F0%9F')).toEqual({ names: [], next: null });
  });

  test('are the same in a page as alone', async () => {
    await accumulate.add('x', '1.50', { total: 'sales' });
    expect(await accumulate.getJson('/totals')).toEqual({
      totals: [await accumulate.getJson('/totals/sales')],
      next: null,
    });
  });

  test.each([['0'], ['1001'], ['-1'], ['x'], [''], ['1.5'], ['99999999999']])(
    'come not in pages of %j',
    async (limit) => {
      const response = await accumulate.get(`/totals?limit=${limit}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ detail: `limit must be 1 to 1000, was "${limit}"` });
    },
  );
});

describe('a request', () => {
  const id = '7d8f4f3a-2f59-4a8e-9d43-1f1f6f0c2b11';
  const counted = { id, source: '/functions/add', total: 'default', a: '2', b: '3', sum: '5' };

  test('that is counted is answered with its event and when', async () => {
    await accumulate.add(id, '2', { b: '3', sum: '5', time: new Date().toISOString() });
    expect(await accumulate.getJson(`/requests/${id}`)).toEqual({
      ...counted,
      time: isoTime,
      appliedAt: isoTime,
    });
  });

  test('without a time has none', async () => {
    await accumulate.add(id, '2', { b: '3', sum: '5' });
    expect(await accumulate.getJson(`/requests/${id}`)).toEqual({
      ...counted,
      time: null,
      appliedAt: isoTime,
    });
  });

  test('of the add function is found in either case', async () => {
    await accumulate.add(id, '2', { b: '3', sum: '5' });
    expect(await accumulate.getJson(`/requests/${id.toUpperCase()}`)).toMatchObject(counted);
  });

  test('of another source is found under that source only, with its id as it is', async () => {
    await accumulate.add('a/b-C', '2', { b: '3', sum: '5', source: '/other?x=1' });
    const path = `/requests/${encodeURIComponent('a/b-C')}`;
    expect((await accumulate.get(path)).status).toBe(404);
    const source = `?source=${encodeURIComponent('/other?x=1')}`;
    expect(await accumulate.getJson(path + source)).toMatchObject({ id: 'a/b-C', source: '/other?x=1' });
    expect((await accumulate.get(path.toLowerCase() + source)).status).toBe(404);
  });

  test('that is not counted is 404', async () => {
    const response = await accumulate.get(`/requests/${id}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      detail: expect.stringMatching(
        `^event "${id}" of "/functions/add" is not among the events counted since `,
      ),
    });
  });

  test('that was refused is not counted', async () => {
    expect((await accumulate.add(id, '2', { sum: '3' })).status).toBe(400);
    expect((await accumulate.get(`/requests/${id}`)).status).toBe(404);
  });

  test('is answered as soon as it is counted to everybody who waits for it', async () => {
    const waiting = ['', '', '&source=/functions/add'].map((more) =>
      accumulate.getJson(`/requests/${id}?wait=30s${more}`),
    );
    await accumulate.add('another', '1');
    await accumulate.add(id, '2', { b: '3', sum: '5' });
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject(counted);
  });

  test('that is counted by another process on the volume is answered too', async () => {
    const waiting = accumulate.getJson(`/requests/${id}?wait=30s`);
    const other = await startAccumulate({ DATA_DIR: accumulate.directory });
    await other.add(id, '2', { b: '3', sum: '5' });
    expect(await waiting).toMatchObject(counted);
    expect(await accumulate.total()).toEqual({ total: '5', count: 1 });
  });

  test('that is counted already is answered at once, however long one would wait', async () => {
    await accumulate.add(id, '2', { b: '3', sum: '5' });
    expect(await accumulate.getJson(`/requests/${id}?wait=30s`)).toMatchObject(counted);
  });

  test('is 404 when it was not counted within the wait', async () => {
    const response = await accumulate.get(`/requests/${id}?wait=20ms`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining('is not within 20 ms among the events counted since'),
    });
  });

  test.each([['10'], ['31s'], ['1m'], ['-1s'], ['x'], ['']])('is not waited for as %j', async (wait) => {
    expect((await accumulate.get(`/requests/${id}?wait=${wait}`)).status).toBe(400);
  });

  test('may have any id that one can ask for', async () => {
    for (const odd of ['%00', '%0A', '..%2f', '__proto__', 'a'.repeat(5_000), "'%22;--", '%F0%9F%92%A9']) {
      expect((await accumulate.get(`/requests/${odd}`)).status).toBe(404);
      expect((await accumulate.get(`/requests/x?source=${odd}`)).status).toBe(404);
    }
    expect((await accumulate.get('/requests/%ff')).status).toBe(400);
  });

  describe('that is waited for', () => {
    const waitFor = jest.spyOn(Ledger.prototype, 'waitFor');

    /** A connection whose request the server holds by now. */
    async function startWaiting(): Promise<{ connection: RawConnection; signal: AbortSignal }> {
      waitFor.mockClear();
      const connection = await RawConnection.open(accumulate.port);
      connection.write(`GET /requests/${id}?wait=30s HTTP/1.1\r\nhost: x\r\n\r\n`);
      const [, , , signal] = await until('the wait', () => waitFor.mock.calls[0]);
      return { connection, signal };
    }

    test('is answered on its connection as soon as it is counted', async () => {
      const { connection } = await startWaiting();
      await accumulate.add('another', '1');
      expect(connection.statuses).toEqual([]);
      await accumulate.add(id, '2', { b: '3', sum: '5' });
      await until('the answer', () => connection.statuses.length === 1);
      expect(connection.statuses).toEqual([200]);
    });

    test('is answered though its event is in a generation that another process has sealed meanwhile', async () => {
      const { connection } = await startWaiting();
      const other = new TestLedger(accumulate.directory, { ...retention, maxEvents: 1 });
      // Both between two looks.
      other.apply({ ...entry(id, '2'), source: '/functions/add' });
      other.apply(entry('next', '1'));
      expect(other.volume.newest.number).toBe(2);
      other.close();
      await until('the answer', () => connection.statuses.length === 1);
      expect(connection.statuses).toEqual([200]);
    });

    test('is answered 503 when the function ends, to be asked for again', async () => {
      const { connection } = await startWaiting();
      await accumulate.drain();
      await connection.closed;
      expect(connection.statuses).toEqual([503]);
    });

    test.each<[string, (connection: RawConnection) => unknown]>([
      ['closes', (connection) => connection.socket.destroy()],
      ['resets', (connection) => connection.socket.resetAndDestroy()],
    ])('is no longer waited for when its client %s the connection', async (_, leave) => {
      const { connection, signal } = await startWaiting();
      expect(signal.aborted).toBe(false);
      leave(connection);
      await until('the end of the wait', () => signal.aborted, 10_000);
      expect(await waitFor.mock.results[0]?.value).toBeUndefined();
    });
  });
});

describe('probes and metrics', () => {
  test('it is alive and ready', async () => {
    expect(await accumulate.getJson('/health/liveness')).toEqual({ status: 'alive' });
    const response = await accumulate.get('/health/readiness');
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready' }]);
  });

  test('metrics count events by outcome, and tell the state of the ledger', async () => {
    await accumulate.add('x', '1');
    await accumulate.add('x', '1');
    await accumulate.add('x', '2');
    await accumulate.add('y', 'two');
    const response = await accumulate.get('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    const lines = (await response.text()).split('\n');
    for (const line of [
      'tally_accumulate_events_total{outcome="applied"} 1',
      'tally_accumulate_events_total{outcome="duplicate"} 1',
      'tally_accumulate_events_total{outcome="conflict"} 1',
      'tally_accumulate_events_total{outcome="rejected"} 1',
      'tally_accumulate_commit_seconds_count 3',
      'tally_ledger_events 1',
      'tally_ledger_duplicates 1',
      'tally_ledger_known_ids 1',
      'tally_ledger_generations 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  test('a replica on the same volume sees the same totals', async () => {
    const other = await startAccumulate({ DATA_DIR: accumulate.directory });
    for (let n = 1; n <= 10; n++) {
      const [writer, reader] = n % 2 === 0 ? [accumulate, other] : [other, accumulate];
      await writer.add(`id-${n}`, '1');
      expect(await reader.total()).toEqual({ total: String(n), count: n });
    }
    await until('both ready', async () => (await other.get('/health/readiness')).status === 200);
  });
});
