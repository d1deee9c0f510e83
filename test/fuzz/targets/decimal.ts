// Decimals agree with integers of unlimited size: the text, the sum, and which texts are decimals at all (I3).

import {
  addDecimals,
  equalDecimals,
  formatDecimal,
  parseDecimal,
  readCanonical,
} from '../../../lib/decimal.ts';
import { check, parseOr } from '../property.ts';

const maxDigits = 50;

export function fuzz(data: Buffer): void {
  const [x = '', y = ''] = data.toString('latin1').split('\n');
  const [a, b] = [read(x), read(y)];
  if (a === undefined || b === undefined) return;
  const sum = addDecimals(a, b);
  // Both as whole numbers of the smallest unit that either can have.
  const units = (text: string): bigint => {
    const [whole = '', fraction = ''] = text.replace('-', '').split('.');
    const size = BigInt(whole + fraction.padEnd(maxDigits, '0'));
    return text.startsWith('-') ? -size : size;
  };
  check(units(formatDecimal(sum)) === units(x) + units(y), 'a sum is exact');
  check(equalDecimals(sum, addDecimals(b, a)), 'a sum is the same in either order');
  check(equalDecimals(a, b) === (units(x) === units(y)), 'equal numbers are equal');
}

function read(text: string) {
  const value = parseOr(() => parseDecimal(text, maxDigits), 'invalid');
  const digits = text.replace(/[-.]/g, '').length;
  const fits = /^-?[0-9]+(\.[0-9]+)?$/.test(text) && !text.includes('\n') && digits <= maxDigits;
  check((value !== undefined) === fits, 'a decimal is taken and nothing else is');
  if (value === undefined) return undefined;
  const canonical = formatDecimal(value);
  check(/^(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])$/.test(canonical), 'its text is the shortest');
  check(equalDecimals(readCanonical(canonical), value), 'its text is read as itself');
  return value;
}
