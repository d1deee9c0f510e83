import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { backoffMs, judge, mayBeStored } from './retry.ts';

const retried = new Set([404, 408, 425, 429]);

test('I1 2xx alone acknowledges; 404, 408, 425, 429 and 5xx are tried again; the rest is final', () => {
  for (let status = 200; status < 600; status++) {
    const expected =
      status < 300 ? 'acknowledged' : status >= 500 || retried.has(status) ? 'retry' : 'refused';
    expect([status, judge({ status })]).toEqual([status, expected]);
  }
});

test.each(['timeout', 'unreachable'] as const)('a %s is tried again', (failure) => {
  expect(judge({ failure, cause: new Error('x') })).toBe('retry');
});

test.each([
  [{ failure: 'timeout', cause: new Error('x') }, true],
  [{ failure: 'unreachable', cause: new Error('x') }, true],
  [{ status: 500 }, true],
  [{ status: 408 }, true],
  [{ status: 403 }, false],
  [{ status: 404 }, false],
  [{ status: 429 }, false],
] as const)('I7 after %j the event may be stored: %s', (result, expected) => {
  expect(mayBeStored(result)).toBe(expected);
});

test('the backoff has full jitter under a bound that doubles up to 2 s', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), random, (attempts, r) => {
      const delayMs = backoffMs(attempts, r);
      return delayMs >= 0 && delayMs <= 2_000 && backoffMs(attempts + 1, r) >= delayMs;
    }),
  );
  expect([1, 2, 3, 6, 7, 50].map((attempts) => backoffMs(attempts, 0.5))).toEqual([
    25, 50, 100, 800, 1_000, 1_000,
  ]);
});
