// Bytes on the wire that no client would send, to every server there is: each lives, keeps nothing of them, answers the
// next good request, and counts nothing that is no event. The seed makes the run; another one, and more of them, by
// FUZZ_SEED and FUZZ_MESSAGES.

import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';

import { afterEach, expect, test } from '@jest/globals';

import { parseRequest } from '../../functions/accumulate/cloud-event.ts';
import { add, Harness, request } from '../../functions/add/harness.ts';
import { adderService } from '../../functions/add/proto.ts';
import { startAccumulate } from '../accumulate.ts';
import { postHead, RawConnection } from '../raw-connection.ts';
import { structuredEvent, sumEvent } from '../sum-event.ts';
import { postEvent, startSubscriber, startTestLog } from '../test-log.ts';
import { until } from '../until.ts';
import { Mutator } from './mutation.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const messages = Number(process.env['FUZZ_MESSAGES'] ?? 400);

/** Two things are wrong with it, so that a change does not make it right: its type and its sum. */
const wrong = sumEvent('wrong', '2', { b: '3', sum: '6' });
const headers = { ...wrong.headers, 'ce-type': 'another', 'content-length': String(wrong.body.length) };
const structured = JSON.stringify([{ ...structuredEvent('wrong', '2', { sum: '7' }), type: 'another' }]);
const get = (target: string) => Buffer.from(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);

const requests = [
  Buffer.from(postHead(headers) + wrong.body),
  Buffer.from((postHead(headers) + wrong.body).replace('POST / ', 'POST /default/sums ')),
  Buffer.from(
    postHead({ ...wrong.headers, 'ce-type': 'another', 'transfer-encoding': 'chunked' }) +
      `${wrong.body.length.toString(16)}\r\n${wrong.body}\r\n0\r\n\r\n`,
  ),
  Buffer.from(
    postHead({
      'content-type': 'application/cloudevents-batch+json',
      'content-length': String(structured.length),
    }) + structured,
  ),
  ...['/total', '/totals?limit=2&after=a', '/requests/x?source=%2Fy&wait=1ms', '/metrics'].map(get),
  get('/health/readiness'),
];

/** Connections that this process has, of servers and clients. */
const countConnections = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/** Says each message on a connection of its own, many at one time, and leaves in one way or another. */
async function storm(port: number, mutator: Mutator, all: readonly Buffer[]): Promise<string> {
  const waiting = all.values();
  let answers = '';
  const say = async (): Promise<void> => {
    for (const message of waiting) {
      const connection = await RawConnection.open(port);
      for (const part of mutator.split(message)) {
        if (connection.socket.writable)
          await new Promise((resolve) => connection.socket.write(part, resolve));
      }
      if (mutator.below(3) > 0) connection.socket.end();
      else if (mutator.below(2) > 0) connection.socket.resetAndDestroy();
      // A server that waits for more need not be waited for.
      await Promise.race([
        connection.closed,
        once(connection.socket, 'data'),
        once(connection.socket, 'timeout'),
      ])
        .catch(() => undefined)
        .finally(() => connection.socket.destroy());
      answers += connection.received;
    }
  };
  await Promise.all(Array.from({ length: 8 }, say));
  return answers;
}

const mutated = (mutator: Mutator, ...originals: readonly Uint8Array[]): Buffer[] =>
  Array.from({ length: messages }, () => mutator.mutate(...originals));

const harness = new Harness();
afterEach(() => harness.stop());

test('I2: accumulate counts nothing of it and goes on', async () => {
  const accumulate = await startAccumulate({
    REQUEST_TIMEOUT: '200ms',
    MAX_BODY_BYTES: '4096',
    MAX_IN_FLIGHT_BYTES: '8192',
  });
  const before = countConnections();
  const mutator = new Mutator(seed);
  const answers = await storm(accumulate.port, mutator, mutated(mutator, ...requests));
  await until('no connection is left', () => countConnections() <= before);
  expect(answers).toMatch(/HTTP\/1\.1 400 /);
  expect(answers).not.toMatch(/HTTP\/1\.1 500 /);
  expect(await accumulate.total()).toEqual({ total: '0', count: 0 });
  // Nothing holds room that it no longer needs: one of the largest size is read.
  expect((await accumulate.post(sumEvent('x', '1').headers, ' '.repeat(4_096))).status).toBe(400);
  expect((await accumulate.add('good', '1')).status).toBe(204);
  expect(await accumulate.total()).toEqual({ total: '1', count: 1 });
});

test('the log goes on, and delivers what it took', async () => {
  const subscriber = await startSubscriber();
  const { url, failures } = await startTestLog({}, { subscriber });
  const before = countConnections();
  const mutator = new Mutator(seed + 1);
  await storm(Number(new URL(url).port), mutator, mutated(mutator, ...requests));
  expect(await postEvent(url, 'good')).toBe(202);
  await until('the delivery', () => subscriber.ids.has('good'));
  await until('no connection is left', () => countConnections() <= before + 12);
  expect(failures).toEqual([]);
});

test('I2: the port of add goes on, and sends nothing to the sink', async () => {
  const sink = await harness.sink();
  const { port, client } = await harness.add({ K_SINK: sink.url });
  const before = countConnections();
  const mutator = new Mutator(seed + 2);
  // SETTINGS, HEADERS of a call that has no header, DATA, PING, GOAWAY: enough to begin with.
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
  const frames = Buffer.from(
    '000000040000000000' +
      '0000000104000000' +
      '01' +
      '00000500010000000100000000000' +
      '000080600000000000102030405060708',
    'hex',
  );
  const answers = await storm(
    port,
    mutator,
    mutated(mutator, Buffer.concat([preface, frames]), get('/metrics')),
  );
  await until('no connection is left', () => countConnections() <= before);
  expect(answers).not.toMatch(/HTTP\/1\.1 500 /);
  expect(sink.events).toEqual([]);
  expect(await add(client, request())).toMatchObject({ sum: '5' });
});

test('I2: what add makes of garbled messages and sends on is what accumulate can count', async () => {
  const sink = await harness.sink();
  const { port, client } = await harness.add({ K_SINK: sink.url });
  const mutator = new Mutator(seed + 3);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  harness.onStop(() => {
    session.destroy();
  });
  const statuses = new Set<string>();
  for (const message of mutated(mutator, adderService.Add.requestSerialize(request({ total: 'sales' })))) {
    // A flag, four bytes of length, the message (gRPC over HTTP/2, "Length-Prefixed-Message").
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(mutator.below(10) === 0 ? mutator.below(2 ** 20) : message.length, 1);
    if (mutator.below(20) === 0) prefix[0] = mutator.below(256);
    const path = `/tally.v1.Adder/${mutator.below(2) === 0 ? 'Add' : 'AddAll'}`;
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.on('error', () => undefined);
    call.on('response', (response: IncomingHttpHeaders) => statuses.add(String(response['grpc-status'])));
    call.on('trailers', (trailers: IncomingHttpHeaders) => statuses.add(String(trailers['grpc-status'])));
    call.resume().end(Buffer.concat([prefix, message]));
    await once(call, 'close');
  }
  expect([...statuses]).toEqual(expect.arrayContaining(['0', '3', '13']));
  expect(sink.events.length).toBeGreaterThan(0);
  for (const event of sink.events) {
    expect(parseRequest(event.headers, Buffer.from(event.body), 1)).toHaveLength(1);
  }
  expect(await add(client, request())).toMatchObject({ sum: '5' });
});
