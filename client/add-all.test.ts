import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';

import type { AddAllResult } from './add-all.ts';
import type { AdditionInput } from './addition.ts';
import { createTallyClient, type TallyClient } from './client.ts';
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

function createAdditions(count: number): (AdditionInput & { requestId: string })[] {
  return Array.from({ length: count }, (_, index) => ({ a: `${index}.25`, b: '0', requestId: randomUUID() }));
}

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(results);
}

function idsOf(items: readonly { readonly requestId: string }[]): string[] {
  return items.map(({ requestId }) => requestId).sort();
}

function answered(results: readonly AddAllResult<AdditionInput>[]): { requestId: string }[] {
  return results.flatMap((result) => (result.error === undefined ? [result] : []));
}

describe('addAll', () => {
  test('answers every addition once, with its input, in whatever order answers come', async () => {
    const additions = createAdditions(2_500);
    const results = await collect(client.addAll(additions, { window: 100 }));
    expect(idsOf(answered(results))).toEqual(idsOf(additions));
    expect(results.every(({ input }) => additions.includes(input))).toBe(true);
    expect(adder.received).toHaveLength(additions.length);
  });

  test('sends again what was not answered when the server died with it recorded, with the same ids (I1, I2)', async () => {
    const additions = createAdditions(300);
    let taken = 0;
    adder.behave = () => (++taken === 150 ? 'lose' : 'answer');
    const collecting = collect(client.addAll(additions, { window: 50 }));
    await until(() => taken >= 150);
    await adder.start();
    const results = await collecting;
    expect(idsOf(answered(results))).toEqual(idsOf(additions));
    expect([...adder.recorded.keys()].sort()).toEqual(idsOf(additions));
    expect(adder.received.length).toBeGreaterThan(additions.length);
    expect(adder.sum).toBe('44925');
  });

  test('repeats an addition that fails for the moment, and holds up no other', async () => {
    const additions = createAdditions(50);
    const slow = additions[7]?.requestId;
    adder.behave = ({ requestId }, attempt) =>
      requestId === slow && attempt < 3 ? statusOf(status.UNAVAILABLE, 'not just now') : 'answer';
    const results = await collect(client.addAll(additions));
    expect(answered(results)).toHaveLength(50);
    expect(answered(results).at(-1)?.requestId).toBe(slow);
  });

  test('an addition that was lost once is of unknown outcome when it is turned away later (I7)', async () => {
    adder.behave = (_, attempt) =>
      attempt === 1 ? 'lose' : statusOf(status.PERMISSION_DENIED, 'no longer allowed');
    const collecting = collect(client.addAll(createAdditions(1)));
    await until(() => adder.recorded.size === 1);
    await adder.start();
    expect(await collecting).toMatchObject([{ error: { code: 'forbidden', outcomeUnknown: true } }]);
  });

  test('gives the error of an addition that can never be counted as its result', async () => {
    const additions = createAdditions(10);
    const refused = additions[3]?.requestId ?? '';
    adder.behave = ({ requestId }) =>
      requestId === refused ? statusOf(status.ALREADY_EXISTS, 'known with other operands') : 'answer';
    const results = await collect(client.addAll<AdditionInput>([...additions, { a: 'x', b: '0' }]));
    expect(answered(results)).toHaveLength(10 - 1);
    const errors = results.flatMap(({ input, error }) => (error ? [[input.requestId, error.code]] : []));
    expect(errors).toEqual(
      expect.arrayContaining([
        [refused, 'conflict'],
        [undefined, 'invalid'],
      ]),
    );
    expect(errors).toHaveLength(2);
  });

  test('reads the source no further than the window while results are not taken', async () => {
    let read = 0;
    function* source() {
      for (const addition of createAdditions(1_000)) {
        read++;
        yield addition;
      }
    }
    const results = client.addAll(source(), { window: 20 })[Symbol.asyncIterator]();
    await results.next();
    await until(() => adder.received.length >= 20);
    await results.next();
    expect(read).toBeLessThanOrEqual(22);
    await results.return?.();
  });

  test('gives up after its patience when nothing is answered, and says that the outcome is unknown (I7)', async () => {
    adder.behave = () => statusOf(status.UNAVAILABLE, 'the sink is away');
    const collecting = collect(client.addAll(createAdditions(5), { patienceMs: 400 }));
    await expect(collecting).rejects.toMatchObject({ code: 'unavailable', outcomeUnknown: true });
    await expect(collecting).rejects.toThrow('the sink is away');
  });

  test('gives up after its patience when the server is silent', async () => {
    adder.behave = () => 'ignore';
    const collecting = collect(client.addAll(createAdditions(5), { patienceMs: 2_000 }));
    await expect(collecting).rejects.toMatchObject({ code: 'unavailable', outcomeUnknown: true });
    await expect(collecting).rejects.toThrow('add answered nothing on the stream for 0.5 s: can it reach');
  });

  test('knows that nothing was sent when there never was a connection (I7)', async () => {
    adder.stop();
    const collecting = collect(client.addAll(createAdditions(5), { patienceMs: 400 }));
    await expect(collecting).rejects.toMatchObject({ code: 'unavailable', outcomeUnknown: false });
  });

  test('leaves a stream on which nothing is answered for a new one, with the same ids (I2)', async () => {
    const additions = createAdditions(5);
    adder.behave = (_, attempt) => (attempt === 1 ? 'ignore' : 'answer');
    const results = await collect(client.addAll(additions, { patienceMs: 4_000 }));
    expect(idsOf(answered(results))).toEqual(idsOf(additions));
  });

  test('ends when the server does not know the call: nothing of it is counted', async () => {
    const other = new Server();
    const port = await new Promise<number>((resolve) => {
      other.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => {
        resolve(bound);
      });
    });
    const stranger = createTallyClient({ add: `127.0.0.1:${port}` });
    const collecting = collect(stranger.addAll(createAdditions(5)));
    await expect(collecting).rejects.toMatchObject({ code: 'refused', outcomeUnknown: false });
    await stranger.close();
    other.forceShutdown();
  });

  test('throws what the source threw, after everything before it is answered', async () => {
    const additions = createAdditions(5);
    async function* source() {
      yield* additions;
      await Promise.reject(new Error('the disk is on fire'));
    }
    const seen: string[] = [];
    const reading = async () => {
      for await (const { input } of client.addAll(source())) seen.push(input.requestId);
    };
    await expect(reading()).rejects.toThrow('the disk is on fire');
    expect(seen.sort()).toEqual(idsOf(additions));
  });

  test('ends at once when it is interrupted, although the source has nothing to say', async () => {
    const interruption = new AbortController();
    async function* source() {
      yield* createAdditions(1);
      await new Promise(() => undefined);
    }
    const collecting = collect(client.addAll(source(), { signal: interruption.signal }));
    await until(() => adder.received.length === 1);
    interruption.abort();
    await expect(collecting).rejects.toThrow('interrupted');
  });

  test('has nothing to do for an empty source', async () => {
    expect(await collect(client.addAll([]))).toEqual([]);
  });
});
