// What `-e NAME=value` sets, with defaults for `npm start` on this machine. A script reads all that it knows before it
// begins; what is wrong is named, all at once, and nothing is sent.

const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

const problems = [];
const known = new Map();

function read(name, expected, fallback, parse) {
  const text = __ENV[name];
  if (text === undefined || text === '') {
    known.set(name, fallback);
    return parse(fallback);
  }
  const value = parse(text);
  if (value === undefined) problems.push(`${name} was "${text}", should be ${expected}`);
  known.set(name, text);
  return value;
}

/** Any text; '' when it is not set. */
export const text = (name, fallback = '') => read(name, 'text', fallback, (value) => value);

export const integer = (name, fallback, { min = 1, max = 1_000_000 } = {}) =>
  read(name, `an integer of ${min} to ${max}`, String(fallback), (value) => {
    const number = /^\d{1,7}$/.test(value) ? Number(value) : NaN;
    return number >= min && number <= max ? number : undefined;
  });

/** @returns milliseconds */
export const duration = (name, fallback) =>
  read(name, 'a duration such as 250ms, 30s, 5m or 2h, over 0', fallback, (value) => {
    const [, amount, unit] = /^(\d{1,6})(ms|s|m|h)$/.exec(value) ?? [];
    const ms = Number(amount) * durationUnits[unit];
    return ms > 0 ? ms : undefined;
  });

/** Parted by commas; empty when it is not set and has no default. */
export const list = (name, expected, pattern, fallback = '') =>
  read(name, `${expected}, one or more parted by commas`, fallback, (value) => {
    const parts = value === '' ? [] : value.split(',').map((part) => part.trim());
    return parts.every((part) => pattern.test(part)) ? parts : undefined;
  });

const yesOrNo = (name) => read(name, 'yes or no', 'no', (value) => ({ yes: true, no: false })[value]);

const url = /^https?:\/\/[^/\s]+(\/\S*)?$/;
const ip = /^[0-9a-f.:]+$/i;

/** Where add is, host:port; several are taken in turn. */
export const addAddresses = list('ADD', 'host:port', /^[^/\s,]+:\d+$/, 'localhost:8080');
/** Where accumulate is, without a slash at the end. */
export const accumulateUrl = (
  read('ACCUMULATE', 'a URL', 'http://localhost:8081', (value) => (url.test(value) ? value : undefined)) ?? ''
).replace(/\/$/, '');
/** The address of a gateway that routes by name: the names of ADD and ACCUMULATE are then looked for there. */
const gateway = read('GATEWAY', 'an IP address', '', (value) =>
  value === '' || ip.test(value) ? value : undefined,
);
export const usesTls = yesOrNo('TLS');
const caFile = text('CA');
/** PEM text of the authority to trust, in place of the usual ones; undefined: those. */
export const authorities = caFile === '' ? undefined : open(caFile);
// Not among what is reported.
export const addToken = __ENV.TOKEN ?? '';
export const accumulateToken = __ENV.ACCUMULATE_TOKEN ?? '';
const totalName = read('TOTAL', 'the name of a total: a-z, 0-9 and -, at most 63', '', (value) =>
  value === '' || /^[a-z0-9][a-z0-9-]{0,62}$/.test(value) ? value : undefined,
);

/**
 * The total that a run adds to: TOTAL, else a new one, since it is compared with what the run has sent. For setup alone,
 * whose answer every virtual user gets; each of them reads this file for itself.
 */
export const chooseTotal = () =>
  totalName || `k6-${Date.now().toString(36)}${Math.floor(Math.random() * 36 ** 4).toString(36)}`;

/** What options.hosts of k6 takes: names that are not looked up. */
export function gatewayHosts() {
  if (!gateway) return {};
  const names = [...(addAddresses ?? []), accumulateUrl.replace(/^https?:\/\//, '')];
  return Object.fromEntries(names.map((name) => [name.replace(/[:/].*$/, ''), gateway]));
}

/** Every setting that was read, as text, for the report. */
export const readSettings = () => [...known];

/** Ends the start when anything is wrong. Called once everything was read. */
export function checkSettings() {
  if (problems.length > 0) throw new Error(`wrong settings: ${problems.join('; ')}`);
}
