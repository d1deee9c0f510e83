// Exact decimals of unlimited size (I3). A value is units / 10^scale with the smallest possible scale, so equal
// numbers are equal in both fields and have one text, whatever way they were written or in which order they were added.

import { AppError, show } from './errors.ts';

export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const zero: Decimal = { units: 0n, scale: 0 };

/** The most digits an operand may have, before and after the point together. Totals have no limit. */
export const maxDigits = 1000;

/** The most digits that the sum of two operands can have: one may be all before the point, the other all after it. */
export const maxSumDigits = 2 * maxDigits;

const grammar = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * Reads a decimal as people write it: an optional minus, ASCII digits, optionally a point and more digits. No plus,
 * exponent, blank or digit of another script. Leading and trailing zeros are allowed and mean nothing.
 * @throws AppError `invalid` when the text is anything else or has more than `digits` digits.
 */
export function parseDecimal(text: unknown, digits = maxDigits): Decimal {
  if (typeof text !== 'string') {
    const type = typeof text === 'number' ? ' (a number)' : '';
    throw new AppError('invalid', `must be a decimal as text, was ${show(text)}${type}`);
  }
  // The length is looked at first: the grammar then never sees more than a fitting text.
  if (text.length > digits + 2) throw tooLong(digits);
  const match = grammar.exec(text);
  if (match === null) {
    throw new AppError('invalid', `must be a decimal such as -12.50, without exponent, was ${show(text)}`);
  }
  const [, sign = '', whole = '', fraction = ''] = match;
  if (whole.length + fraction.length > digits) throw tooLong(digits);
  return readCanonical(`${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`);
}

function tooLong(digits: number): AppError {
  return new AppError('invalid', `must have at most ${digits} digits`);
}

/** Reads what {@link formatDecimal} wrote, of any length; text of other shapes is a mistake of the caller. */
export function readCanonical(text: string): Decimal {
  const point = text.indexOf('.');
  if (point === -1) return { units: BigInt(text), scale: 0 };
  return normalize(BigInt(text.slice(0, point) + text.slice(point + 1)), text.length - point - 1);
}

/** The canonical text: no leading zeros, no trailing zeros in the fraction, no `-0`. */
export function formatDecimal({ units, scale }: Decimal): string {
  if (scale === 0) return units.toString();
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The exact sum. */
export function addDecimals(x: Decimal, y: Decimal): Decimal {
  if (x.scale === y.scale) return normalize(x.units + y.units, x.scale);
  if (x.scale < y.scale) return addDecimals(y, x);
  return normalize(x.units + y.units * 10n ** BigInt(x.scale - y.scale), x.scale);
}

export function equalDecimals(x: Decimal, y: Decimal): boolean {
  return x.units === y.units && x.scale === y.scale;
}

function normalize(units: bigint, scale: number): Decimal {
  if (scale === 0) return { units, scale };
  if (units === 0n) return zero;
  while (scale > 0 && units % 10n === 0n) {
    units /= 10n;
    scale--;
  }
  return { units, scale };
}
