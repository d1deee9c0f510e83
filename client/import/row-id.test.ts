import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify, version } from 'uuid';

import { idFromColumn, idFromPlace } from './row-id.ts';

const total = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/);
const place = fc.tuple(total, fc.string(), fc.nat(), fc.array(fc.string(), { maxLength: 4 }));

describe('ids of rows', () => {
  test('are the ones that were always made (I2)', () => {
    expect(stringify(idFromColumn('default', 'INV-17'))).toBe('e8b3258d-1bab-5125-a664-a5dd3b6ef549');
    expect(stringify(idFromPlace('default', 'sales.csv', 2, ['INV-17', '12.50']))).toBe(
      'c8219026-68b5-5fce-9b3f-21f3f4138af0',
    );
    expect(version(stringify(idFromColumn('default', 'INV-17')))).toBe(5);
  });

  test('are the same for the same row and differ for different rows', () => {
    fc.assert(
      fc.property(total, fc.string(), total, fc.string(), (total1, id1, total2, id2) => {
        const same = stringify(idFromColumn(total1, id1)) === stringify(idFromColumn(total2, id2));
        expect(same).toBe(total1 === total2 && id1 === id2);
      }),
    );
    fc.assert(
      fc.property(place, place, (first, second) => {
        const same = stringify(idFromPlace(...first)) === stringify(idFromPlace(...second));
        expect(same).toBe(JSON.stringify(first) === JSON.stringify(second));
      }),
    );
  });

  test('without an id column depend on file, line and every field', () => {
    const ids = [
      idFromPlace('t', 'f.csv', 2, ['a', '1']),
      idFromPlace('u', 'f.csv', 2, ['a', '1']),
      idFromPlace('t', 'g.csv', 2, ['a', '1']),
      idFromPlace('t', 'f.csv', 3, ['a', '1']),
      idFromPlace('t', 'f.csv', 2, ['b', '1']),
      idFromPlace('t', 'f.csv', 2, ['a', '2']),
      idFromPlace('t', 'f.csv', 2, ['a,1']),
    ];
    expect(new Set(ids.map((id) => stringify(id))).size).toBe(ids.length);
  });
});
