import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { until } from '../test/until.ts';
import { Batcher } from './batcher.ts';

/** Runs each batch only when it is told to, as a disk that takes its time. */
function manual(maxItems = 100) {
  const batches: { items: number[]; answer: PromiseWithResolvers<number[]> }[] = [];
  const batcher = new Batcher<number, number>((items) => {
    const answer = Promise.withResolvers<number[]>();
    batches.push({ items, answer });
    return answer.promise;
  }, maxItems);
  const nth = (index: number) => until(`batch ${index}`, () => batches[index]);
  return { batcher, batches, nth };
}

const double = (items: number[]): number[] => items.map((item) => item * 2);

test('what arrives together shares one batch, and each caller gets its own result', async () => {
  const { batcher, nth, batches } = manual();
  const results = Promise.all([1, 2, 3].map((item) => batcher.submit(item)));
  const { items, answer } = await nth(0);
  answer.resolve(double(items));
  expect(await results).toEqual([2, 4, 6]);
  expect(batches.map((batch) => batch.items)).toEqual([[1, 2, 3]]);
});

test('what arrives while a batch runs waits, and shares the next batch in order', async () => {
  const { batcher, nth, batches } = manual();
  const first = batcher.submit(1);
  const running = await nth(0);
  const later = Promise.all([2, 3, 4].map((item) => batcher.submit(item)));
  expect(batcher.length).toBe(3);
  expect(batches).toHaveLength(1);
  running.answer.resolve(double(running.items));
  expect(await first).toBe(2);
  const next = await nth(1);
  next.answer.resolve(double(next.items));
  expect(await later).toEqual([4, 6, 8]);
  expect(batches.map(({ items }) => items)).toEqual([[1], [2, 3, 4]]);
  expect(batcher.length).toBe(0);
});

test('a batch has at most the given number of items; the rest goes into the next', async () => {
  const sizes: number[] = [];
  const batcher = new Batcher<number, number>((items) => {
    sizes.push(items.length);
    return Promise.resolve(double(items));
  }, 10);
  const items = Array.from({ length: 25 }, (_, index) => index);
  expect(await Promise.all(items.map((item) => batcher.submit(item)))).toEqual(double(items));
  expect(sizes).toEqual([10, 10, 5]);
});

test('an error reaches every caller of its batch, and nobody else', async () => {
  const { batcher, nth } = manual(2);
  const results = Promise.allSettled([1, 2, 3].map((item) => batcher.submit(item)));
  const failure = new Error('disk full');
  (await nth(0)).answer.reject(failure);
  const next = await nth(1);
  next.answer.resolve(double(next.items));
  expect(await results).toEqual([
    { status: 'rejected', reason: failure },
    { status: 'rejected', reason: failure },
    { status: 'fulfilled', value: 6 },
  ]);
});

test('a run that throws at once fails its batch, and the next one is run', async () => {
  let runs = 0;
  const batcher = new Batcher<number, number>((items) => {
    if (runs++ === 0) throw new Error('at once');
    return Promise.resolve(double(items));
  }, 10);
  await expect(batcher.submit(1)).rejects.toThrow('at once');
  expect(await batcher.submit(2)).toBe(4);
});

test('everybody is answered with the own result, however they arrive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 5 }), async (scheduler, maxItems) => {
      let running = 0;
      const batcher = new Batcher<number, number>(async (items) => {
        expect(++running).toBe(1);
        await scheduler.schedule(Promise.resolve());
        running--;
        return double(items);
      }, maxItems);
      const items = Array.from({ length: 12 }, (_, index) => index);
      const results = items.map(async (item) => {
        await scheduler.schedule(Promise.resolve());
        return batcher.submit(item);
      });
      const all = Promise.all(results);
      await scheduler.waitFor(all);
      expect(await all).toEqual(double(items));
    }),
    { numRuns: 20 },
  );
});
