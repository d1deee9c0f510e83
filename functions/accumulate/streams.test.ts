// Streams of totals, from a real server.

import { truncateSync } from 'node:fs';
import { connect } from 'node:net';

import { afterEach, describe, expect, jest, test } from '@jest/globals';

import { startAccumulate, type TestAccumulate } from '../../test/accumulate.ts';
import { EventReader } from '../../test/event-source.ts';
import { postHead, RawConnection } from '../../test/raw-connection.ts';
import { structuredEvent, sumEvent } from '../../test/sum-event.ts';
import { until } from '../../test/until.ts';
import { entry, TestLedger } from './ledger/fixtures.ts';
import { generationFile } from './ledger/generation-file.ts';
import { Ledger } from './ledger/ledger.ts';
import { maxStreams } from './streams.ts';

interface Total {
  readonly name: string;
  readonly total: string;
  readonly count: number;
  readonly version: number;
}

const readers: EventReader[] = [];

afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});

async function open(
  accumulate: TestAccumulate,
  path: string,
  headers?: Record<string, string>,
): Promise<EventReader> {
  const reader = await EventReader.open(accumulate.url(path), headers);
  readers.push(reader);
  return reader;
}

const versions = (reader: EventReader): number[] =>
  (reader.of('total') as Total[]).map(({ version }) => version);

/** Waits until the stream has told that the total is this. */
async function told(reader: EventReader, total: string): Promise<void> {
  await until(`told is ${total}`, () => (reader.of('total').at(-1) as Total | undefined)?.total === total);
}

describe('the stream of a total', () => {
  test('I4: tells it as it is and whenever it has changed, and never goes back', async () => {
    const accumulate = await startAccumulate();
    await accumulate.add('first', '1');
    const reader = await open(accumulate, '/totals/default/stream');
    expect(reader.headers.get('content-type')).toBe('text/event-stream');
    expect(reader.headers.get('cache-control')).toBe('no-store');
    await told(reader, '1');
    await accumulate.add('second', '0.5');
    await told(reader, '1.5');
    expect(reader.events.at(-1)).toEqual({
      event: 'total',
      id: '2',
      data: await accumulate.getJson('/total'),
    });
    expect(versions(reader)).toEqual([1, 2]);
  });

  test('tells of many changes in few events, of which the last is the newest', async () => {
    const accumulate = await startAccumulate();
    const reader = await open(accumulate, '/totals/default/stream');
    for (let round = 0; round < 100; round++) {
      await Promise.all([1, 2, 3, 4, 5].map((n) => accumulate.add(`${round}-${n}`, '1')));
    }
    await told(reader, '500');
    expect(versions(reader).length).toBeLessThan(100);
    expect(versions(reader)).toEqual(versions(reader).toSorted((x, y) => x - y));
  });

  test('tells of nothing else: not of other totals, not of duplicates', async () => {
    const accumulate = await startAccumulate();
    const reader = await open(accumulate, '/totals/default/stream');
    await told(reader, '0');
    await accumulate.add('one', '1');
    await told(reader, '1');
    await accumulate.add('other', '1', { total: 'other' });
    await accumulate.add('one', '1');
    await accumulate.add('two', '1');
    await told(reader, '2');
    const clock = await open(accumulate, '/stream');
    await until('some looks have passed', () => clock.of('ledger').length > 1);
    expect(versions(reader)).toEqual([0, 1, 3]);
  });

  test('tells what is so now to who comes back, whatever it knew', async () => {
    const accumulate = await startAccumulate();
    await accumulate.add('one', '1');
    await told(await open(accumulate, '/totals/default/stream', { 'last-event-id': '1' }), '1');
  });

  test('I4: tells of what another process on the volume counted', async () => {
    const accumulate = await startAccumulate();
    const other = await startAccumulate({ DATA_DIR: accumulate.directory });
    const reader = await open(accumulate, '/totals/default/stream');
    await other.add('one', '7');
    await told(reader, '7');
  });

  test('is 404 for what was never added to, and 0 for "default"', async () => {
    const accumulate = await startAccumulate();
    expect((await accumulate.get('/totals/none/stream')).status).toBe(404);
    await told(await open(accumulate, '/totals/default/stream'), '0');
    await accumulate.add('one', '1', { total: 'stream' });
    expect(await accumulate.total('stream')).toEqual({ total: '1', count: 1 });
  });
});

describe('the stream of all totals', () => {
  const changed = (reader: EventReader): string[][] =>
    (reader.of('totals') as Total[][]).map((totals) => totals.map(({ name, total }) => `${name} ${total}`));

  test('tells all, then those that change, and the state of the ledger', async () => {
    const accumulate = await startAccumulate();
    const time = new Date(Date.now() - 5_000).toISOString();
    await accumulate.add('one', '1', { total: 'a' });
    await accumulate.add('two', '2', { total: 'b', time });
    await accumulate.add('two', '2', { total: 'b', time });
    const reader = await open(accumulate, '/stream');
    await until('all are told', () => reader.of('complete').length === 1);
    await accumulate.add('three', '3', { total: 'a' });
    await until('the change is told', () => changed(reader).length === 2);
    expect(changed(reader)).toEqual([['a 1', 'b 2'], ['a 4']]);
    expect(reader.events.slice(0, 3).map(({ event }) => event)).toEqual(['ledger', 'totals', 'complete']);
    const [state] = reader.of('ledger') as { lagSeconds: number }[];
    expect(state).toEqual({ events: 2, duplicates: 1, lagSeconds: expect.any(Number) });
    expect(state?.lagSeconds).toBeGreaterThanOrEqual(5);
    await until('the state is told again', () =>
      reader.of('ledger').some((later) => (later as { events: number }).events === 3),
    );
    // The newest has no time of its own.
    expect(reader.of('ledger').at(-1)).toEqual({ events: 3, duplicates: 1, lagSeconds: null });
  });

  test('tells of what another process counts in the midst of a look', async () => {
    const accumulate = await startAccumulate();
    const reader = await open(accumulate, '/stream');
    await until('all are told', () => reader.of('complete').length === 1);
    const other = new TestLedger(accumulate.directory);
    const read = jest.spyOn(Ledger.prototype, 'changedTotals');
    read.mockImplementationOnce(function (this: Ledger, ...changes) {
      // The real one: this stands in for it once.
      const told = this.changedTotals(...changes);
      other.apply(entry('second', '2', { total: 'b' }));
      return told;
    });
    await accumulate.add('first', '1', { total: 'a' });
    await until('both are told', () => changed(reader).flat().length === 2);
    expect(changed(reader).flat()).toEqual(['a 1', 'b 2']);
    read.mockRestore();
    other.close();
  });

  test('tells of more totals than one event holds in several', async () => {
    const accumulate = await startAccumulate({ MAX_BODY_BYTES: '4194304' });
    for (let from = 0; from < 12_000; from += 6_000) {
      const events = Array.from({ length: 6_000 }, (_, n) =>
        structuredEvent(`e${from + n}`, '1', { total: `t${from + n}` }),
      );
      expect((await accumulate.addBatch(events)).status).toBe(204);
    }
    const reader = await open(accumulate, '/stream');
    await until('all are told', () => reader.of('complete').length === 1);
    expect(changed(reader).map((totals) => totals.length)).toEqual(Array.from({ length: 12 }, () => 1_000));
    expect(new Set(changed(reader).flat()).size).toBe(12_000);
  });

  test('tells of one that changes all the time, though as many others do', async () => {
    const accumulate = await startAccumulate();
    const addTo = (from: number, round: number): Promise<Response> =>
      accumulate.addBatch(
        Array.from({ length: 2_000 }, (_, n) =>
          structuredEvent(`${round}-${from + n}`, '1', { total: `t${from + n}` }),
        ),
      );
    await addTo(0, 0);
    const reader = await open(accumulate, '/stream');
    const timesTold = (name: string): number =>
      changed(reader)
        .flat()
        .filter((total) => total.startsWith(`${name} `)).length;
    for (let round = 1; timesTold('t0') < 3 || timesTold('t1999') < 3; round++) await addTo(0, round);
    const [first, ...later] = changed(reader)
      .flat()
      .filter((total) => total.startsWith('t1999 '));
    expect(first).not.toBe(later.at(-1));
  });

  test('holds up nothing when many come together', async () => {
    const accumulate = await startAccumulate();
    await accumulate.addBatch(
      Array.from({ length: 5_000 }, (_, n) => structuredEvent(`e${n}`, '1', { total: `t${n}` })),
    );
    const all = await Promise.all(Array.from({ length: 50 }, () => open(accumulate, '/stream')));
    await until('all are told all', () => all.every((reader) => reader.of('complete').length === 1));
    for (const reader of all) expect(changed(reader).flat().length).toBe(5_000);
  });

  test('waits for a reader that does not read, and then tells it the newest at once', async () => {
    const accumulate = await startAccumulate({ MAX_BODY_BYTES: '4194304' });
    // Half a megabyte in each event: more than some of them fit into no socket.
    const large = '9'.repeat(999);
    const addToAll = (round: number): Promise<Response> =>
      accumulate.addBatch(
        Array.from({ length: 1_000 }, (_, n) => structuredEvent(`${round}-${n}`, large, { total: `t${n}` })),
      );
    await addToAll(0);
    const socket = connect(accumulate.port, '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
    socket.write('GET /stream HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('the stream has begun', () => received.includes('event: complete'));
    socket.pause();
    const watch = await open(accumulate, '/stream');
    for (let round = 1; changed(watch).length < 50; round++) await addToAll(round);
    const { version } = (await accumulate.getJson('/totals/t999')) as Total;
    socket.resume();
    await until('it has seen the end', () =>
      received.includes(`"count":${version / 1_000},"version":${version},`),
    );
    socket.destroy();
    expect(received.split('event: totals').length).toBeLessThan(35);
  }, 120_000);
});

test('streams are bounded, counted, and end at once when the function drains', async () => {
  const accumulate = await startAccumulate();
  const all = await Promise.all(
    Array.from({ length: maxStreams }, () => open(accumulate, '/totals/default/stream')),
  );
  const refused = await accumulate.get('/stream');
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ type: 'urn:tally:problem:overloaded' });
  expect(await (await accumulate.get('/metrics')).text()).toContain(
    `\ntally_accumulate_streams ${maxStreams}\n`,
  );
  all[0]?.close();
  await until('there is room', async () => {
    const reader = await open(accumulate, '/stream');
    return reader.status === 200;
  });
  await accumulate.drain();
  await Promise.all(all.map(({ ended }) => ended));
});

test('a stream that is asked for while the function drains is refused, and holds up nothing', async () => {
  const accumulate = await startAccumulate();
  const connection = await RawConnection.open(accumulate.port);
  const { headers, body } = sumEvent('one', '1');
  // It is in flight when the drain begins, so that its connection stays open.
  connection.write(postHead({ ...headers, 'content-length': String(body.length) }));
  await until('it has come', async () => (await accumulate.get('/health/liveness')).ok);
  const drained = accumulate.drain();
  connection.write(`${body}GET /stream HTTP/1.1\r\nhost: x\r\n\r\n`);
  await drained;
  await connection.closed;
  expect(connection.statuses[0]).toBe(204);
  expect(connection.statuses).not.toContain(200);
});

test('a stream ends when the volume cannot be read, and its client is told why when it comes back', async () => {
  const accumulate = await startAccumulate();
  const reader = await open(accumulate, '/stream');
  const total = await open(accumulate, '/totals/default/stream');
  await until('both have begun', () => reader.events.length > 0 && total.events.length > 0);
  truncateSync(generationFile(accumulate.directory, 1), 0);
  await Promise.all([reader.ended, total.ended]);
  expect((await accumulate.get('/stream')).status).toBe(503);
});

test('HEAD is answered without a stream', async () => {
  const accumulate = await startAccumulate();
  for (const path of ['/stream', '/totals/default/stream']) {
    const response = await fetch(accumulate.url(path), { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  }
  expect(await (await accumulate.get('/metrics')).text()).toContain('\ntally_accumulate_streams 0\n');
});
