import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { RepeatIndex } from './repeats.ts';
import { idFromColumn } from './row-id.ts';

describe('RepeatIndex', () => {
  test('tells where an id came first and with which amount, as a Map would', () => {
    const row = fc.record({ id: fc.nat(400), amount: fc.constantFrom('1', '2', '1.5') });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 2_000, size: 'max' }), (rows) => {
        const index = new RepeatIndex();
        const known = new Map<number, { line: number; amount: string }>();
        for (const [at, { id, amount }] of rows.entries()) {
          const first = known.get(id);
          const expected = first && { firstLine: first.line, sameAmount: first.amount === amount };
          expect(index.add(idFromColumn('t', `${id}`), amount, at + 2)).toEqual(expected);
          if (first === undefined) known.set(id, { line: at + 2, amount });
        }
      }),
      { numRuns: 20 },
    );
  });

  test('keeps ids apart that meet in one slot', () => {
    const index = new RepeatIndex();
    const ids = Array.from({ length: 200 }, (_, last) => {
      const id = new Uint8Array(16);
      id[15] = 7;
      id[8] = last;
      return id;
    });
    for (const [at, id] of ids.entries()) expect(index.add(id, '1', at + 2)).toBeUndefined();
    for (const [at, id] of ids.entries()) expect(index.add(id, '1', 999)?.firstLine).toBe(at + 2);
  });

  test('remembers no more than it is allowed to, and says so', () => {
    const index = new RepeatIndex(2);
    for (const id of ['a', 'b', 'c']) index.add(idFromColumn('t', id), '1', 2);
    expect(index.isFull).toBe(true);
    expect(index.add(idFromColumn('t', 'c'), '1', 5)).toBeUndefined();
    expect(index.add(idFromColumn('t', 'a'), '1', 6)).toEqual({ firstLine: 2, sameAmount: true });
  });
});
