// Decimals of the model's own, so that it does not share a mistake with the product: whole numbers of 10^-64.

const scale = 64;

export function toUnits(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const [, sign = '', whole = '', fraction = ''] = match ?? [];
  if (match === null || fraction.length > scale) throw new Error(`not a decimal of the model: ${text}`);
  return BigInt(`${sign}${whole}${fraction.padEnd(scale, '0')}`);
}

export function toText(units: bigint): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -scale)}${fraction === '' ? '' : `.${fraction}`}`;
}
