import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';

import { createTallyClient, type TallyClient } from './client.ts';
import { TallyError } from './tally-error.ts';
import { FakeAdder, statusOf } from './testing/fake-adder.ts';
import { until } from './testing/command.ts';

let adder: FakeAdder;
let client: TallyClient;

beforeEach(async () => {
  adder = await new FakeAdder().start();
  client = createTallyClient({ add: adder.address });
});

afterEach(async () => {
  await client.close();
  adder.stop();
});

async function failureOf(promise: Promise<unknown>): Promise<TallyError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TallyError);
  return error as TallyError;
}

describe('add', () => {
  test('gives the exact sum and the id that it made', async () => {
    const added = await client.add({ a: '0.1', b: '0.20', total: 'votes' });
    expect(added).toEqual({ requestId: adder.received[0]?.requestId, sum: '0.3', replayed: false });
    expect(adder.received[0]).toMatchObject({ a: '0.1', b: '0.2', total: 'votes' });
  });

  test('repeats with the same id until it is answered (I2)', async () => {
    adder.behave = (_, attempt) =>
      attempt < 3 ? statusOf(status.UNAVAILABLE, 'the sink is away') : 'answer';
    const retries: string[] = [];
    await client.add({ a: '2', b: '3', onRetry: (error) => retries.push(error.message) });
    expect(new Set(adder.received.map(({ requestId }) => requestId)).size).toBe(1);
    expect(adder.received).toHaveLength(3);
    expect(retries).toEqual(['the sink is away', 'the sink is away']);
  });

  test('comes back with the same id when the connection was lost after the event was recorded (I2)', async () => {
    adder.behave = (_, attempt) => (attempt === 1 ? 'lose' : 'answer');
    const adding = client.add({ a: '2', b: '3' });
    await until(() => adder.recorded.size === 1);
    await adder.start();
    expect(await adding).toMatchObject({ sum: '5', replayed: true });
    expect(adder.recorded.size).toBe(1);
  });

  test('says that the outcome is unknown when time runs out without an answer (I7)', async () => {
    adder.behave = () => 'ignore';
    const error = await failureOf(client.add({ a: '2', b: '3', deadlineMs: 300 }));
    expect(error).toMatchObject({
      code: 'timeout',
      outcomeUnknown: true,
      requestId: adder.received[0]?.requestId,
    });
  });

  test('knows that nothing was sent when there was no connection (I7)', async () => {
    adder.stop();
    const error = await failureOf(client.add({ a: '2', b: '3', deadlineMs: 300 }));
    expect(error).toMatchObject({ code: 'unavailable', outcomeUnknown: false });
  });

  test('an unknown attempt stays unknown when later ones are turned away (I7)', async () => {
    adder.behave = (_, attempt) =>
      attempt === 1
        ? statusOf(status.INTERNAL, 'broken')
        : statusOf(status.PERMISSION_DENIED, 'no longer allowed');
    const error = await failureOf(client.add({ a: '2', b: '3' }));
    expect(error).toMatchObject({ code: 'forbidden', outcomeUnknown: true });
  });

  test('a full server has not begun anything, so running out of time there leaves nothing unknown', async () => {
    adder.behave = () => statusOf(status.RESOURCE_EXHAUSTED, 'full');
    const error = await failureOf(client.add({ a: '2', b: '3', deadlineMs: 500 }));
    expect(error).toMatchObject({ code: 'overloaded', outcomeUnknown: false });
  });

  test('does not come back before the time that RetryInfo asks for', async () => {
    const pushback = { RetryInfo: { retryDelay: { seconds: 3_600 } } };
    adder.behave = () => statusOf(status.RESOURCE_EXHAUSTED, 'full', pushback);
    const error = await failureOf(client.add({ a: '2', b: '3' }));
    expect(error).toMatchObject({ code: 'overloaded', pushbackMs: 3_600_000 });
    expect(adder.received).toHaveLength(1);
  });

  test('names every field that is not valid, and sends nothing', async () => {
    const error = await failureOf(client.add({ a: '1e3', b: '', total: 'No', requestId: 'x' }));
    expect(error).toMatchObject({ code: 'invalid', outcomeUnknown: false });
    expect(error.violations.map(({ field }) => field)).toEqual(['request_id', 'a', 'b', 'total']);
    expect(adder.received).toHaveLength(0);
  });

  test('reads the violations that the server names', async () => {
    const fieldViolations = [{ field: 'b', description: 'is not to my taste' }];
    adder.behave = () =>
      statusOf(status.INVALID_ARGUMENT, 'bad request', { BadRequest: { fieldViolations } });
    const error = await failureOf(client.add({ a: '2', b: '3' }));
    expect(error).toMatchObject({ code: 'invalid', violations: fieldViolations });
  });

  test.each([
    ['INTERNAL of reason REFUSED', status.INTERNAL, 'REFUSED', 'refused'],
    ['FAILED_PRECONDITION of reason EXPIRED', status.FAILED_PRECONDITION, 'EXPIRED', 'expired'],
  ])('takes %s for what it is, and does not repeat it', async (_, code, reason, expected) => {
    adder.behave = () => statusOf(code, 'no', { ErrorInfo: { reason, domain: 'tally.dev' } });
    const error = await failureOf(client.add({ a: '2', b: '3' }));
    expect(error).toMatchObject({ code: expected, outcomeUnknown: false });
    expect(adder.received).toHaveLength(1);
  });

  test('an id that is known with other operands is a conflict (I6)', async () => {
    const requestId = randomUUID();
    await client.add({ a: '2', b: '3', requestId });
    const error = await failureOf(client.add({ a: '2', b: '4', requestId }));
    expect(error).toMatchObject({ code: 'conflict', outcomeUnknown: false, requestId });
  });

  test('an interrupted call says that its outcome is unknown (I7)', async () => {
    adder.behave = () => 'ignore';
    const interruption = new AbortController();
    const failure = failureOf(client.add({ a: '2', b: '3', signal: interruption.signal }));
    await until(() => adder.received.length === 1);
    interruption.abort();
    expect(await failure).toMatchObject({ message: 'interrupted', outcomeUnknown: true });
  });
});
