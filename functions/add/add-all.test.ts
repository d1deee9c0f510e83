import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { status, type ServiceError } from '@grpc/grpc-js';
import { connect } from 'node:http2';

import type { AddResult__Output } from '../../proto/generated/tally/v1/AddResult.ts';
import {
  add,
  addAll,
  answer,
  decodeDetails,
  failure,
  type FakeSink,
  hang,
  Harness,
  metric,
  request,
  until,
} from './harness.ts';
import { adderService } from './proto.ts';

const harness = new Harness();
let sink: FakeSink;

beforeEach(async () => {
  sink = await harness.sink();
});
afterEach(() => harness.stop());

function start(env: Record<string, string> = {}) {
  return harness.add({ K_SINK: sink.url, ...env });
}

test('every request has its result, and the stream ends after the last', async () => {
  const { client, port } = await start();
  const messages = Array.from({ length: 3_000 }, (_, index) => request({ a: `${index}` }));
  const results = await addAll(client, messages);
  expect(results.map(({ index }) => index)).toEqual(messages.map((_, index) => index));
  expect(results.map(({ requestId }) => requestId)).toEqual(messages.map(({ requestId }) => requestId));
  expect(results.map(({ response }) => response?.sum)).toEqual(messages.map((_, index) => `${index + 3}`));
  expect(new Set(sink.ids).size).toBe(3_000);
  await expect(metric(port, 'tally_add_requests_total{method="AddAll",code="OK"}')).resolves.toBe(3_000);
  await expect(metric(port, 'tally_add_in_flight')).resolves.toBe(0);
});

test('a stream without requests ends at once', async () => {
  const { client } = await start();
  await expect(addAll(client, [])).resolves.toEqual([]);
});

test('I2 I6 a bad item is answered in its place with the details that Add would give', async () => {
  const { client } = await start();
  const known = request();
  await add(client, known);
  const [bad, replayed, conflict, good] = await addAll(client, [
    { requestId: 'Not-An-Id', a: 'x', b: '', total: '' },
    known,
    { ...known, a: '9' },
    request(),
  ]);
  expect(bad).toMatchObject({ result: 'error', requestId: 'Not-An-Id' });
  expect(bad?.error?.code).toBe(status.INVALID_ARGUMENT);
  expect(decodeDetails(bad?.error ?? { details: [] })).toMatchObject({
    ErrorInfo: { reason: 'INVALID', domain: 'tally.dev' },
    BadRequest: { fieldViolations: [{ field: 'request_id' }, { field: 'a' }, { field: 'b' }] },
  });
  expect(replayed?.response).toMatchObject({ sum: '5', replayed: true });
  expect(conflict?.error?.code).toBe(status.ALREADY_EXISTS);
  expect(good?.response).toMatchObject({ sum: '5', replayed: false });
  expect(sink.events).toHaveLength(2);
});

test('I2 one id many times on one stream sends one event', async () => {
  const { client } = await start();
  const message = request();
  const results = await addAll(client, Array.from<typeof message>({ length: 500 }).fill(message));
  expect(sink.events).toHaveLength(1);
  expect(results.filter(({ response }) => response?.replayed === false)).toHaveLength(1);
});

test('a slow item holds up no other', async () => {
  const { client } = await start();
  const slow = request();
  const gate = sink.hold();
  sink.behave = (response, event) => {
    if (event.id === slow.requestId) gate.behave(response, event);
    else answer(202)(response, event);
  };
  const results: AddResult__Output[] = [];
  const stream = client.addAll();
  const ended = new Promise((resolve) => stream.on('end', resolve));
  stream.on('data', (result: AddResult__Output) => results.push(result));
  stream.write(slow);
  for (let index = 0; index < 200; index++) stream.write(request());
  await until(() => results.length === 200);
  expect(results.some(({ index }) => index === 0)).toBe(false);
  gate.open();
  await until(() => results.length === 201);
  stream.end();
  await ended;
});

test('I7 an item whose time is up says so, and others are answered', async () => {
  const { client } = await start({ ADD_TIMEOUT: '100ms' });
  const lost = request();
  sink.behave = (response, event) => {
    (event.id === lost.requestId ? hang : answer(202))(response, event);
  };
  const [first, second] = await addAll(client, [lost, request()]);
  expect(first?.error?.code).toBe(status.DEADLINE_EXCEEDED);
  expect(first?.error?.message).toContain('call again with the same request_id');
  expect(second?.response?.sum).toBe('5');
  sink.behave = answer(202);
  await expect(add(client, lost)).resolves.toMatchObject({ replayed: false });
});

test('the window bounds what one stream has at the sink', async () => {
  const { client, port } = await start({ STREAM_WINDOW: '10' });
  const gate = sink.hold();
  const all = addAll(
    client,
    Array.from({ length: 100 }, () => request()),
  );
  await until(() => sink.events.length === 10);
  await expect(metric(port, 'tally_add_in_flight')).resolves.toBe(10);
  gate.open();
  await expect(all).resolves.toHaveLength(100);
});

test.each([1, 2, 15])('a window of %i serves known, bad and new requests', async (window) => {
  const { client } = await start({ STREAM_WINDOW: `${window}` });
  const known = request();
  await add(client, known);
  const send = (make: () => typeof known) => addAll(client, Array.from({ length: 300 }, make));
  await expect(send(() => known)).resolves.toHaveLength(300);
  await expect(send(() => request({ a: 'x' }))).resolves.toHaveLength(300);
  await expect(send(() => request())).resolves.toHaveLength(300);
});

test('streams wait for places in flight, leave room for single calls, and all get their turn', async () => {
  const { client, port } = await start({ MAX_IN_FLIGHT: '8' });
  const gate = sink.hold();
  const streams = Array.from({ length: 5 }, () =>
    addAll(
      client,
      Array.from({ length: 40 }, () => request()),
    ),
  );
  await until(() => sink.events.length === 6);
  const single = add(client, request());
  await until(() => sink.events.length === 7);
  await expect(metric(port, 'tally_add_in_flight')).resolves.toBe(7);
  gate.open();
  await expect(single).resolves.toMatchObject({ sum: '5' });
  const results = await Promise.all(streams);
  expect(results.flat().filter(({ response }) => response?.sum === '5')).toHaveLength(200);
});

test('a client that reads no results makes the reading of its requests pause', async () => {
  const { port } = await start({ STREAM_WINDOW: '16' });
  const total = 20_000;
  // Bare HTTP/2: the client of grpc-js takes in all that comes, whether it is asked for or not.
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/tally.v1.Adder/AddAll',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const ended = new Promise((resolve) => stream.on('end', resolve));
  // Bad requests, so that no sink limits the rate, with long ids, so that results are long.
  const message = adderService.AddAll.requestSerialize({ requestId: 'x'.repeat(1_000) });
  const frame = Buffer.concat([Buffer.alloc(5), message]);
  frame.writeUInt32BE(message.length, 1);
  let sent = 0;
  const send = (): void => {
    while (sent < total) {
      sent++;
      if (!stream.write(frame)) return;
    }
    stream.end();
  };
  stream.on('drain', send);
  send();

  const answered = () => metric(port, 'tally_add_requests_total{method="AddAll",code="INVALID_ARGUMENT"}');
  let [before, now] = [-1, 0];
  await until(async () => {
    [before, now] = [now, await answered()];
    return now > 0 && before === now;
  });
  expect(now).toBeLessThan(1_000);
  expect(sent).toBeLessThan(2_000);

  stream.resume();
  await ended;
  await expect(answered()).resolves.toBe(total);
  session.close();
});

test('I2 what a cancelled stream had begun finishes at the sink and is known afterwards', async () => {
  const { client, port } = await start({ STREAM_WINDOW: '5' });
  const gate = sink.hold();
  const messages = Array.from({ length: 20 }, () => request());
  const stream = client.addAll();
  const cancelled = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
  for (const message of messages) stream.write(message);
  await until(() => sink.events.length === 5);
  stream.cancel();
  expect((await cancelled).code).toBe(status.CANCELLED);
  // On the same connection, so the server has seen the end of the stream before this.
  await failure(add(client, request({ a: 'x' })));
  gate.open();
  await until(async () => (await metric(port, 'tally_add_in_flight')) === 0);
  const again = await addAll(client, messages.slice(0, 5));
  expect(again.every(({ response }) => response?.replayed)).toBe(true);
  expect(sink.events).toHaveLength(5);
});

test('a message that is too long ends its stream with a clear status', async () => {
  const { client } = await start();
  const call = addAll(client, [request({ a: '1'.repeat(100_000) })]);
  await expect(call).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
});

test('a drain answers what has begun and tells the client to send the rest elsewhere', async () => {
  const { add: server, client } = await start({ STREAM_WINDOW: '5' });
  const gate = sink.hold();
  const results: AddResult__Output[] = [];
  const stream = client.addAll();
  const ended = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
  stream.on('data', (result: AddResult__Output) => results.push(result));
  for (let index = 0; index < 50; index++) stream.write(request());
  await until(() => sink.events.length === 5);
  const drained = server.drain();
  gate.open();
  const error = await ended;
  expect(error.code).toBe(status.UNAVAILABLE);
  expect(error.details).toContain('every request without a result is to be sent again');
  expect(results.filter(({ response }) => response?.sum === '5')).toHaveLength(5);
  expect(sink.events).toHaveLength(5);
  await drained;
});
