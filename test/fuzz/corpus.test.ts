// What fuzzing found, and what reached a place of its own, stays mended: every input of every corpus holds every property
// of its target. `npm run fuzz` looks for more.

import { describe, expect, test } from '@jest/globals';

import { readCorpus, targets } from './corpus.ts';
import type { Fuzz } from './property.ts';

describe.each(targets)('%s', (target) => {
  const corpus = readCorpus(target);

  test('has a corpus', () => {
    expect(corpus.length).toBeGreaterThan(0);
  });

  test('holds for all of it', async () => {
    const { fuzz } = (await import(`./targets/${target}.ts`)) as { fuzz: Fuzz };
    for (const { name, data } of corpus) {
      const failure = await Promise.try(fuzz, data).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect([name, failure]).toEqual([name, undefined]);
    }
  });
});
