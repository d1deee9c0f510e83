import { expect, test } from '@jest/globals';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';

import { Amount, shortest } from './amount.ts';

const Exact = Decimal.clone({ precision: 5_000, toExpNeg: -5_000, toExpPos: 5_000 });

const decimal = fc.stringMatching(/^-?\d{1,40}(\.\d{1,40})?$/);

test('I3: a sum is exact, whatever the order and the sizes', () => {
  fc.assert(
    fc.property(
      fc.array(decimal, { maxLength: 20 }),
      fc.array(decimal, { maxLength: 5 }),
      (texts, others) => {
        const expected = texts.reduce((sum, text) => sum.plus(text), new Exact(0));
        const less = others.reduce((sum, text) => sum.minus(text), expected);
        expect(Amount.of(...texts).toString()).toBe(plain(expected));
        expect(Amount.of(...texts.toReversed()).toString()).toBe(plain(expected));
        expect(
          Amount.of(...texts)
            .minus(Amount.of(...others))
            .toString(),
        ).toBe(plain(less));
        expect(Amount.of(...texts).minus(Amount.of(...others)).isZero).toBe(less.isZero());
      },
    ),
  );
});

test('a decimal has one shortest text', () => {
  expect(['-0', '-0.00', '000', '-007.50'].map((text) => shortest(text))).toEqual(['0', '0', '0', '-7.5']);
  fc.assert(
    fc.property(decimal, (text) => {
      expect(shortest(text)).toBe(plain(new Exact(text)));
    }),
  );
});

test.each(['', '-', '+1', '1e3', '.5', '5.', ' 1', '1 ', '1,5', '٣', '0x1', '--1', 1, null, undefined])(
  '%p is no decimal',
  (text) => {
    expect(shortest(text)).toBeUndefined();
  },
);

test('a decimal with too many digits is none, leading and trailing zeros among them', () => {
  expect(shortest('-12.34', 4)).toBe('-12.34');
  expect(shortest('12.340', 4)).toBeUndefined();
  expect(shortest('012.34', 4)).toBeUndefined();
  expect(shortest('1'.repeat(10_000_000), 4)).toBeUndefined();
});

/** decimal.js writes `-0`. */
function plain(value: Decimal): string {
  return value.isZero() ? '0' : value.toFixed();
}
