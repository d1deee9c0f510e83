// What the fuzz targets share. A target's module has a function `fuzz` of some bytes, which throws when a property does
// not hold. Inputs are text where they can be, so that a corpus can be read.

import { AppError, type ErrorCode } from '../../lib/errors.ts';

/** Bytes become a value, or an exception that says that a property does not hold. */
export type Fuzz = (data: Buffer) => void | Promise<void>;

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`it does not hold that ${what}`);
}

/** What `parse` gives; undefined when it refuses with one of these codes. Anything else that is thrown is a finding. */
export function parseOr<T>(parse: () => T, ...codes: readonly ErrorCode[]): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AppError && codes.includes(error.code) && error.message !== '') return undefined;
    throw error;
  }
}

/** Compares as JSON does. */
export function isSame(x: unknown, y: unknown): boolean {
  return toText(x) === toText(y);
}

function toText(value: unknown): string {
  return JSON.stringify([value], (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner));
}

/** What no header can say: control characters but for the tab. */
export function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text.replaceAll(/[\t\x80-\x9f]/g, ''));
}

export interface Message {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** Lines of `name: value`, an empty line, the body: as Node would give the request's headers. */
export function readMessage(data: Buffer): Message {
  const end = data.indexOf('\n\n');
  const headers: Record<string, string> = {};
  for (const line of data.toString('latin1', 0, end === -1 ? data.length : end).split('\n')) {
    const colon = line.indexOf(':');
    // Node's parser takes neither other names nor control characters, and takes blanks off the ends.
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    if (/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && !hasControls(value)) {
      headers[name] = name in headers ? `${headers[name] ?? ''}, ${value}` : value;
    }
  }
  return { headers, body: end === -1 ? Buffer.alloc(0) : data.subarray(end + 2) };
}
