import { describe, expect, test } from '@jest/globals';
import { Decimal as OracleBase } from 'decimal.js';
import fc from 'fast-check';

import {
  addDecimals,
  type Decimal,
  equalDecimals,
  formatDecimal,
  maxDigits,
  maxSumDigits,
  parseDecimal,
  readCanonical,
  zero,
} from './decimal.ts';
import { AppError } from './errors.ts';

/** Another implementation, with more precision than any case here needs. */
const Oracle = OracleBase.clone({ precision: 10_000, toExpPos: 9e15, toExpNeg: -9e15 });

function oracleSum(...texts: string[]): string {
  return texts.reduce((sum, text) => sum.plus(text), new Oracle(0)).toFixed();
}

const digits = (maxLength: number) => fc.string({ unit: fc.nat(9).map(String), minLength: 1, maxLength });

/** Any text that is a decimal: with leading and trailing zeros, as `-0`, as long as allowed. */
const decimalText = fc
  .tuple(fc.constantFrom('', '-'), digits(maxDigits / 2), fc.option(digits(maxDigits / 2)))
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`);

const parsed = decimalText.map((text) => parseDecimal(text));

function refusal(text: unknown, limit?: number): AppError {
  try {
    parseDecimal(text, limit);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('was taken');
}

describe('parsing and formatting', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['000', '0'],
    ['2', '2'],
    ['-12.50', '-12.5'],
    ['007.100', '7.1'],
    ['0.10', '0.1'],
    ['-0.05', '-0.05'],
    ['100', '100'],
    ['1.0', '1'],
    ['9007199254740993', '9007199254740993'],
    ['0.1000000000000000055511151231257827', '0.1000000000000000055511151231257827'],
    ['9'.repeat(maxDigits), '9'.repeat(maxDigits)],
    [`-${'9'.repeat(maxDigits - 1)}.9`, `-${'9'.repeat(maxDigits - 1)}.9`],
    [`0.${'0'.repeat(maxDigits - 2)}1`, `0.${'0'.repeat(maxDigits - 2)}1`],
  ])('the canonical text of %s', (text, canonical) => {
    expect(formatDecimal(parseDecimal(text))).toBe(canonical);
  });

  test('what is parsed is what another implementation reads', () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        expect(formatDecimal(parseDecimal(text))).toBe(oracleSum(text));
      }),
    );
  });

  test('I3: equal numbers are equal in both fields and have one text, however they were written', () => {
    fc.assert(
      fc.property(decimalText, digits(20), digits(20), (text, before, after) => {
        const sign = text.startsWith('-') ? '-' : '';
        const zeros = '0'.repeat(before.length);
        const fraction = text.includes('.') ? '' : '.';
        const longer = `${sign}${zeros}${text.slice(sign.length)}${fraction}${'0'.repeat(after.length)}`;
        const [short, long] = [parseDecimal(text), parseDecimal(longer, 2 * maxDigits)];
        expect(long).toEqual(short);
        expect(equalDecimals(long, short)).toBe(true);
        expect(formatDecimal(long)).toBe(formatDecimal(short));
      }),
    );
  });

  test('canonical text is read back as the same number, of any length', () => {
    fc.assert(
      fc.property(parsed, parsed, (x, y) => {
        const sum = addDecimals(x, y);
        expect(readCanonical(formatDecimal(sum))).toEqual(sum);
      }),
    );
  });
});

describe('adding', () => {
  test.each([
    ['2', '3', '5'],
    ['0.1', '0.2', '0.3'],
    ['-1', '1', '0'],
    ['0.5', '0.5', '1'],
    ['1.25', '-0.25', '1'],
    ['-0.05', '0.01', '-0.04'],
    ['9007199254740993', '1', '9007199254740994'],
    ['1000000000000000000000', '0.000000000000000000001', '1000000000000000000000.000000000000000000001'],
  ])('%s + %s = %s', (a, b, sum) => {
    expect(formatDecimal(addDecimals(parseDecimal(a), parseDecimal(b)))).toBe(sum);
  });

  test('I3: a sum is exact', () => {
    fc.assert(
      fc.property(decimalText, decimalText, (a, b) => {
        expect(formatDecimal(addDecimals(parseDecimal(a), parseDecimal(b)))).toBe(oracleSum(a, b));
      }),
    );
  });

  test('I3: the order of arrival makes no difference', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(decimalText, fc.nat()), { maxLength: 20 }), (items) => {
        const add = (sum: Decimal, [text]: [string, number]): Decimal => addDecimals(sum, parseDecimal(text));
        const shuffled = items.toSorted(([, x], [, y]) => x - y);
        expect(shuffled.reduce(add, zero)).toEqual(items.reduce(add, zero));
      }),
    );
  });

  test('addition is associative and zero changes nothing', () => {
    fc.assert(
      fc.property(parsed, parsed, parsed, (x, y, z) => {
        expect(addDecimals(addDecimals(x, y), z)).toEqual(addDecimals(x, addDecimals(y, z)));
        expect(addDecimals(x, zero)).toEqual(x);
      }),
    );
  });

  test('a total may have far more digits than an operand', () => {
    const huge = `${'9'.repeat(4_000)}.${'9'.repeat(4_000)}`;
    const sum = addDecimals(readCanonical(huge), readCanonical(`0.${'0'.repeat(3_999)}1`));
    expect(formatDecimal(sum)).toBe(`1${'0'.repeat(4_000)}`);
  });

  test('the longest sum of two operands has as many digits as a sum may have', () => {
    const [a, b] = ['9'.repeat(maxDigits), `9.${'9'.repeat(maxDigits - 1)}`];
    const sum = formatDecimal(addDecimals(parseDecimal(a), parseDecimal(b)));
    expect(sum.replace('.', '')).toHaveLength(maxSumDigits);
    expect(formatDecimal(parseDecimal(sum, maxSumDigits))).toBe(sum);
  });
});

describe('hostile input', () => {
  test.each([
    ['an exponent', '1e999999999'],
    ['a small exponent', '1e3'],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['minus Infinity', '-Infinity'],
    ['nothing', ''],
    ['a minus alone', '-'],
    ['a point alone', '.'],
    ['two minuses', '--1'],
    ['a blank before', ' 1'],
    ['a blank after', '1 '],
    ['a line end after', '1\n'],
    ['a plus', '+1'],
    ['no digit before the point', '.5'],
    ['no digit after the point', '5.'],
    ['two points', '1.2.3'],
    ['a comma', '1,5'],
    ['an underscore', '1_000'],
    ['hexadecimal', '0x10'],
    ['a bigint literal', '1n'],
    ['Arabic-Indic digits', '\u0661\u0662'],
    ['full-width digits', '\uff11\uff12'],
    ['a typographic minus', '\u22121'],
    ['a lone surrogate', '1\ud800'],
    ['a control character', '1\u0007'],
    ['NUL', '1\u0000'],
    ['NUL alone', '\u0000'],
    ['a right-to-left override', '\u202e1'],
    ['a no-break space', '\u00a01'],
    ['a byte order mark', '\ufeff1'],
  ])('%s is refused with the value in the message', (_, text) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: 'invalid', retryable: false });
    expect(error.message).toBe(
      `must be a decimal such as -12.50, without exponent, was ${JSON.stringify(text)}`,
    );
  });

  test.each([
    ['10 MB of digits', '1'.repeat(10_000_000)],
    ['one digit too many', '1'.repeat(maxDigits + 1)],
    ['one digit too many around a point', `${'1'.repeat(maxDigits)}.1`],
    ['too many zeros', '0'.repeat(maxDigits + 1)],
    ['10 MB of anything', '-.'.repeat(5_000_000)],
  ])('%s is refused with the limit in the message', (_, text) => {
    expect(refusal(text)).toMatchObject({ code: 'invalid', message: 'must have at most 1000 digits' });
  });

  test('minus and point are not counted as digits', () => {
    const text = `-${'1'.repeat(maxDigits - 1)}.1`;
    expect(formatDecimal(parseDecimal(text))).toBe(text);
    expect(refusal(`-${text}`).code).toBe('invalid');
  });

  test.each([
    ['nothing at all', undefined, 'missing'],
    ['null', null, 'null'],
    ['a number', 2, '2 (a number)'],
    ['a number that is none', Number.NaN, 'NaN (a number)'],
    ['a boolean', true, 'true'],
    ['an object', {}, 'an object'],
    ['an object that converts to a number', { valueOf: () => 1, toString: () => '1' }, 'an object'],
    ['an object that cannot be converted', JSON.parse('{"toString":1,"valueOf":1}'), 'an object'],
    ['an object without prototype', Object.create(null), 'an object'],
    ['a list', ['1'], 'a list'],
    ['a list nested deeper than the stack', JSON.parse('['.repeat(200_000) + ']'.repeat(200_000)), 'a list'],
  ])('%s instead of text is refused', (_, value: unknown, shown) => {
    expect(refusal(value)).toMatchObject({
      code: 'invalid',
      message: `must be a decimal as text, was ${shown}`,
    });
  });

  test('any text gives a decimal or a short AppError, and a decimal only for decimal text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), (text) => {
        fc.pre(!/^-?[0-9]+(\.[0-9]+)?$/.test(text));
        const error = refusal(text);
        expect(error.code).toBe('invalid');
        expect(error.message.length).toBeLessThan(400);
      }),
    );
  });
});
