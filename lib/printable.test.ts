import { expect, test } from '@jest/globals';

import { printable } from './printable.ts';

test.each([
  ['plain Grüße 東京 👍', 'plain Grüße 東京 👍'],
  ['\u001b[31mred\u009b0m', '\\u001b[31mred\\u009b0m'],
  ['a\r\nb\tc', 'a\\u000d\\u000ab\\u0009c'],
  ['photo\u202egnp.exe\u2066', 'photo\\u202egnp.exe\\u2066'],
  ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
  ['line\u2028and\u2029paragraph', 'line\\u2028and\\u2029paragraph'],
  ['half \ud800 a character', 'half \\ud800 a character'],
  // A tag, which is two code units.
  ['\u{e0041}', '\\udb40\\udc41'],
])('shows %j as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('keeps what is asked for', () => {
  expect(printable('a\nb\tc\r', '\n\t')).toBe('a\nb\tc\\u000d');
});
