// What the page remembers of a total.

import { expect, test } from '@jest/globals';

import { History, spacingOf, spanMs } from './history.js';

const second = 1_000;

test('points are a second apart, but for the newest, and go back as far as the chart does', () => {
  const history = new History(0);
  for (let at = 0; at <= 2 * spanMs; at += 100) history.add(String(at), at / 100, at, spacingOf(1));
  const points = history.points(2 * spanMs);
  expect(points.at(0)?.at).toBe(spanMs);
  expect(points.at(-1)).toEqual({ at: 2 * spanMs, value: 2 * spanMs, count: (2 * spanMs) / 100 });
  expect(points.length).toBeGreaterThan(spanMs / second - 2);
  expect(points.length).toBeLessThanOrEqual(spanMs / second + 2);
});

test('a value is held until it changes, also from before the span', () => {
  const history = new History(0);
  history.add('5', 1, 0, second);
  expect(history.points(3 * spanMs)).toEqual([{ at: 2 * spanMs, value: 5, count: 1 }]);
  history.add('7', 2, 3 * spanMs, second);
  expect(history.points(3 * spanMs).map(({ value }) => value)).toEqual([5, 7]);
});

test('ten thousand totals have fewer points each, so that all together stay as few', () => {
  const history = new History(0);
  for (let at = 0; at <= spanMs; at += second) history.add('1', at, at, spacingOf(10_000));
  expect(history.points(spanMs).length * 10_000).toBeLessThan(100_000);
});

test('events are counted since the page was opened, and anew with another ledger', () => {
  const history = new History(10);
  history.add('1', 10, 0, second);
  history.add('1', 13, 30 * second, second);
  expect([history.added, history.ratePerMinute(60 * second)]).toEqual([3, 3]);
  history.add('1', 2, 60 * second, second);
  expect(history.added).toBe(0);
  expect(history.points(60 * second)).toHaveLength(1);
});
