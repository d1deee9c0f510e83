// The rules for CloudEvents attributes by which a KafkaSink takes or refuses an event. They are those of the
// CloudEvents SDK for Java that it is built on, measured in release 1.23; `checkText` alone is of CloudEvents itself.

import { AppError, show } from '../../lib/errors.ts';

/**
 * What a KafkaSink would write for the attribute: the value itself, a time in its shortest form.
 * @throws AppError `invalid` for a name or value it refuses
 */
export function checkAttribute(name: string, value: string): string {
  switch (name) {
    case 'specversion':
      if (value !== '1.0' && value !== '0.3') throw bad(name, '1.0 or 0.3', value);
      return value;
    case 'source':
    case 'dataschema':
    case 'schemaurl':
      if (!isUri(value)) throw bad(name, 'a URI or URI reference', value);
      return value;
    case 'time':
      return shortestTime(value);
    default:
      if (!/^[a-z0-9]+$/.test(name)) throw bad('an attribute name', 'of a-z and 0-9', name);
      return value;
  }
}

/**
 * The text of a structured event's attribute. CloudEvents 1.0.2, "Type System", allows no control character in it, and
 * no HTTP header could deliver most of them. A binary event's text has come in a header, so it can go in one; its
 * characters are bytes, and those of UTF-8 may be 80–9F.
 * @throws AppError `invalid` when it has one of U+0000–U+001F and U+007F–U+009F
 */
export function checkText(name: string, value: string): string {
  if (/\p{Cc}/u.test(value)) throw bad(name, 'text with no control character', value);
  return value;
}

function bad(name: string, expected: string, was: string): AppError {
  return new AppError('invalid', `${name} should be ${expected}, was ${show(was)}`);
}

// RFC 3986 characters and, as java.net.URI takes them, any above ASCII; one fragment; a scheme that is one.
const uri =
  /^(?:[\w\-.~:/?[\]@!$&'()*+,;=\u00a1-\uffff]|%[0-9a-f]{2})*(?:#(?:[\w\-.~:/?@!$&'()*+,;=\u00a1-\uffff]|%[0-9a-f]{2})*)?$/i;

function isUri(text: string): boolean {
  if (!uri.test(text)) return false;
  const colon = /^[^/?#]*?:/.exec(text);
  return colon === null || (/^[a-z][a-z0-9+.-]*:$/i.test(colon[0]) && text.length > colon[0].length);
}

const dateTime = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)$/i;

/** RFC 3339: `…05.120Z` becomes `…05.12Z`, `.000` vanishes, `+00:00` becomes `Z`, other offsets stay. */
function shortestTime(text: string): string {
  const match = dateTime.exec(text);
  if (match === null) throw bad('time', 'an RFC 3339 time with a zone', text);
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00', fraction = '', zone = ''] =
    match;
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  const fits =
    between(month, 1, 12) &&
    between(day, 1, daysInMonth) &&
    between(hour, 0, 23) &&
    between(minute, 0, 59) &&
    between(second, 0, 59) &&
    (zone.length === 1 || (between(zone.slice(1, 3), 0, 18) && between(zone.slice(4), 0, 59)));
  if (!fits) throw bad('time', 'an RFC 3339 time with a zone', text);
  const digits = fraction.replace(/0+$/, '');
  const offset = zone.length === 1 || zone.endsWith('00:00') ? 'Z' : zone;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${digits === '' ? '' : `.${digits}`}${offset}`;
}

function between(text: string, min: number, max: number): boolean {
  return Number(text) >= min && Number(text) <= max;
}
