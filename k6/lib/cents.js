// Amounts as whole numbers of hundredths, exact below 2^53: neither JavaScript's fractions nor k6's counters, which are
// floating point, keep a decimal as it is. Only what goes over the wire is text with a point.

/** A random amount: some are negative, as corrections are. */
export const randomCents = () => Math.floor(Math.random() * 150_000) - 50_000;

export function formatCents(cents) {
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** @throws Error when it isn't a number with at most two decimals, or too large to be kept exactly */
export function parseCents(text) {
  const [, sign, units, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text) ?? [];
  const cents = Number(`${sign}${units}${fraction.padEnd(2, '0')}`);
  if (!Number.isSafeInteger(cents))
    throw new Error(`not an amount in hundredths that can be kept exactly: ${text}`);
  return cents;
}
