import { expect, test } from '@jest/globals';

import { InFlight } from './in-flight.ts';

test('calls fill all places, items of streams a part of them', () => {
  const inFlight = new InFlight(4);
  const items = Array.from({ length: 5 }, () => inFlight.enterItem());
  expect(items).toEqual([true, true, true, false, false]);
  expect([inFlight.enterCall(), inFlight.enterCall()]).toEqual([true, false]);
  expect(inFlight.count).toBe(4);
});

test('a limit of 1 still lets an item through', () => {
  expect(new InFlight(1).enterItem()).toBe(true);
});

test('who waits longest is resumed first, one for each place', () => {
  const inFlight = new InFlight(4);
  for (let index = 0; index < 3; index++) inFlight.enterItem();
  const resumed: string[] = [];
  const waitAgain = (name: string) => {
    inFlight.wait(() => {
      resumed.push(name);
      inFlight.enterItem();
      waitAgain(name);
    });
  };
  for (const name of ['a', 'b', 'c']) waitAgain(name);
  for (let index = 0; index < 5; index++) inFlight.leave();
  expect(resumed).toEqual(['a', 'b', 'c', 'a', 'b']);
  expect(inFlight.count).toBe(3);
});

test('a place that the first in line no longer wants goes to the next', () => {
  const inFlight = new InFlight(1);
  inFlight.enterItem();
  const resumed: string[] = [];
  inFlight.wait(() => resumed.push('gone'));
  inFlight.wait(() => {
    resumed.push('next');
    inFlight.enterItem();
  });
  inFlight.leave();
  expect(resumed).toEqual(['gone', 'next']);
});

test('is idle when the last has left', async () => {
  const inFlight = new InFlight(2);
  await inFlight.idle();
  inFlight.enterCall();
  const idle = inFlight.idle();
  inFlight.leave();
  await idle;
});
