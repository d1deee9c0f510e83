import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Progress } from './progress.ts';

test('I1: in whatever order records finish, the committed offset is where the first unfinished one stands', () => {
  const steps = fc.array(fc.oneof(fc.constant('begin'), fc.nat()), { maxLength: 200 });
  fc.assert(
    fc.property(fc.nat(1000), steps, (first, actions) => {
      const progress = new Progress(first);
      const unfinished: number[] = [];
      for (const action of actions) {
        if (typeof action === 'number') {
          const [offset] = unfinished.splice(action % Math.max(unfinished.length, 1), 1);
          if (offset !== undefined) progress.finish(offset);
        } else {
          unfinished.push(progress.next);
          progress.begin(progress.next);
        }
        expect(progress.committed).toBe(Math.min(progress.next, ...unfinished));
      }
    }),
  );
});
