import { readdirSync } from 'node:fs';

import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { makeTempDir } from '../test/temp-dir.ts';
import { Spill } from './spill.ts';

const entry = fc.tuple(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  // Some are longer than a block.
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 50 }),
    fc.constantFrom('x'.repeat(30_000), '🙂'.repeat(20_000)),
  ),
  fc.maxSafeInteger(),
);

test('what is set aside comes back whole and in order, all of one key in the same bucket', () => {
  const directory = makeTempDir();
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), fc.constantFrom(0, 50_000), (entries, expected) => {
      const spill = new Spill(directory, expected);
      try {
        for (const each of entries) spill.add(each[0], each);
        // Each key is in one bucket only, in the order in which it was added.
        const buckets = Array.from({ length: spill.buckets }, (_, n) => spill.read(n));
        const keys = buckets.flatMap((bucket) => [...new Set(bucket.map(([key]) => key))]);
        expect(new Set(keys).size).toBe(keys.length);
        const byKey = (all: readonly unknown[][]) =>
          Object.entries(Object.groupBy(all, ([key]) => `k${String(key)}`));
        expect(new Map(byKey(buckets.flat()))).toEqual(new Map(byKey(entries)));
      } finally {
        spill.close();
      }
    }),
    { numRuns: 20 },
  );
  expect(readdirSync(directory)).toEqual([]);
}, 60_000);

test('keys are spread over the buckets', () => {
  const spill = new Spill(makeTempDir(), 1_000_000);
  for (let n = 0; n < 5_000; n++) spill.add(`/functions/add\nid-${n}`, [n]);
  const sizes = Array.from({ length: spill.buckets }, (_, n) => spill.read(n).length);
  spill.close();
  expect(sizes).toHaveLength(51);
  expect(Math.max(...sizes)).toBeLessThan(200);
});

test('too little room is said before anything is written', () => {
  const directory = makeTempDir();
  expect(() => new Spill(directory, 1e15)).toThrow(
    /has .* MB free, but the audit needs about 110000000000\.0 MB/,
  );
  expect(() => new Spill('/nowhere', 1)).toThrow(/cannot write temporary files to \/nowhere: .*--temp-dir/);
  expect(readdirSync(directory)).toEqual([]);
});
