// The audit's own exact decimals (I3). They share no line with lib/decimal.ts, so that a mistake there cannot hide here:
// operands are text in its shortest form, and only sums are numbers, all digits of one in a BigInt.

const shape = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * The shortest text of a decimal: `-0012.50` is `-12.5`, `-0.0` is `0`.
 * @returns undefined for what is no decimal, or has more than `maxDigits` digits
 */
export function shortest(text: unknown, maxDigits = Infinity): string | undefined {
  // The length first: a text that can't fit is never matched against the grammar.
  if (typeof text !== 'string' || text.length > maxDigits + 2) return undefined;
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  if (whole.length + fraction.length > maxDigits) return undefined;
  let begin = 0;
  while (begin < whole.length - 1 && whole[begin] === '0') begin++;
  let end = fraction.length;
  while (end > 0 && fraction[end - 1] === '0') end--;
  const digits = whole.slice(begin) + (end === 0 ? '' : `.${fraction.slice(0, end)}`);
  return digits === '0' ? '0' : sign + digits;
}

/** A sum that grows. */
export class Amount {
  /** The value in units of 10^-scale; the scale only grows. */
  #units = 0n;
  #scale = 0;

  /** @param texts decimals, in any form */
  static of(...texts: readonly string[]): Amount {
    const amount = new Amount();
    for (const text of texts) amount.add(text);
    return amount;
  }

  add(text: string): void {
    const point = text.indexOf('.');
    if (point === -1) this.#addUnits(BigInt(text), 0);
    else this.#addUnits(BigInt(text.slice(0, point) + text.slice(point + 1)), text.length - point - 1);
  }

  addAmount(other: Amount): void {
    this.#addUnits(other.#units, other.#scale);
  }

  subtract(other: Amount): void {
    this.#addUnits(-other.#units, other.#scale);
  }

  minus(other: Amount): Amount {
    const difference = new Amount();
    difference.addAmount(this);
    difference.subtract(other);
    return difference;
  }

  get isZero(): boolean {
    return this.#units === 0n;
  }

  /** In its shortest form. */
  toString(): string {
    const digits = (this.#units < 0n ? -this.#units : this.#units).toString().padStart(this.#scale + 1, '0');
    const point = digits.length - this.#scale;
    const text = this.#scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
    return shortest(this.#units < 0n ? `-${text}` : text) ?? '0';
  }

  #addUnits(units: bigint, scale: number): void {
    if (scale > this.#scale) {
      this.#units *= 10n ** BigInt(scale - this.#scale);
      this.#scale = scale;
    }
    this.#units += scale === this.#scale ? units : units * 10n ** BigInt(this.#scale - scale);
  }
}
