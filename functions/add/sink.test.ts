import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { EncodedEvent } from '../../lib/event.ts';
import { answer, type Behaviour, type FakeSink, hang, Harness, inTurn, reset, until } from './harness.ts';
import type { AttemptResult } from './retry.ts';
import { Sink } from './sink.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const harness = new Harness();
let peer: FakeSink;

beforeEach(async () => {
  peer = await harness.sink();
});
afterEach(() => harness.stop());

function createSink({ connections = 1, attemptTimeoutMs = 30_000 } = {}): Sink {
  const sink = new Sink({ url: new URL(peer.url), connections, attemptTimeoutMs });
  harness.onStop(() => sink.close());
  return sink;
}

function event(id: string): EncodedEvent {
  return { headers: { 'ce-id': id }, body: '{}' };
}

function post(sink: Sink, id: string): Promise<AttemptResult> {
  return new Promise((resolve) => sink.post(event(id), resolve));
}

const ids = Array.from({ length: 100 }, (_, index) => `${index}`);

test('attempts wait for a connection in the order in which they came', async () => {
  const sink = createSink();
  const results = await Promise.all(ids.map((id) => post(sink, id)));
  expect(results).toEqual(ids.map(() => ({ status: 202 })));
  expect(peer.ids).toEqual(ids);
});

const closing: Behaviour = (response) => {
  response.writeHead(202, { connection: 'close' }).end();
};
test.each([
  ['resets', inTurn(reset, answer(202), reset, answer(202))],
  ['closes', closing],
])('a connection that the sink %s holds up no attempt', async (_name, behaviour) => {
  peer.behave = behaviour;
  const sink = createSink({ connections: 3 });
  const results = await Promise.all(ids.map((id) => post(sink, id)));
  expect(results.filter((result) => 'status' in result).length).toBeGreaterThan(90);
});

test('a sink that cannot be reached fails every attempt', async () => {
  await peer.stop();
  const sink = createSink({ connections: 2 });
  const results = await Promise.all(ids.map((id) => post(sink, id)));
  expect(results.filter((result) => 'failure' in result && result.failure === 'unreachable')).toHaveLength(
    100,
  );
});

test('an attempt that is given up while it waits for a connection is forgotten and never sent', async () => {
  const sink = createSink();
  peer.behave = hang;
  const first = sink.post(event('first'), () => undefined);
  await until(() => peer.events.length === 1);
  const waiting = ids.map((id) => {
    const attempt = sink.post(event(id), () => undefined);
    attempt.abort();
    return new WeakRef(attempt);
  });
  await until(() => {
    collectGarbage();
    return waiting.every((reference) => reference.deref() === undefined);
  });
  peer.behave = answer(202);
  first.abort();
  await expect(post(sink, 'last')).resolves.toEqual({ status: 202 });
  expect(peer.ids).toEqual(['first', 'last']);
});

test('an attempt that waits too long for a connection ends as a timeout and is never sent', async () => {
  const sink = createSink({ attemptTimeoutMs: 200 });
  // The connection is busy until its answer's body ends.
  let endBody: (() => void) | undefined;
  const slow: Behaviour = (response) => {
    response.writeHead(202).write('{');
    endBody = () => response.end('}');
  };
  peer.behave = inTurn(slow, answer(202));
  const results = await Promise.all(['first', 'second', 'third'].map((id) => post(sink, id)));
  expect(results).toMatchObject([{ status: 202 }, { failure: 'timeout' }, { failure: 'timeout' }]);
  endBody?.();
  await expect(post(sink, 'last')).resolves.toEqual({ status: 202 });
  expect(peer.ids).toEqual(['first', 'last']);
});

test('closing fails the attempts under way and those that wait', async () => {
  const sink = createSink();
  peer.behave = hang;
  const results = ['first', 'second'].map((id) => post(sink, id));
  await until(() => peer.events.length === 1);
  await sink.close();
  await expect(Promise.all(results)).resolves.toMatchObject([
    { failure: 'unreachable' },
    { failure: 'unreachable' },
  ]);
});
