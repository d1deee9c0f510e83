import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { AppError, messageOf, show, toAppError } from './errors.ts';

describe('an AppError', () => {
  test.each([
    ['invalid', false],
    ['unauthenticated', false],
    ['forbidden', false],
    ['conflict', false],
    ['expired', false],
    ['too-large', false],
    ['overloaded', true],
    ['unavailable', true],
    ['timeout', true],
    ['damaged', true],
    ['internal', true],
  ] as const)('says by its code %s whether a retry can help: %s', (code, retryable) => {
    expect(new AppError(code, 'x').retryable).toBe(retryable);
  });

  test('keeps its cause and its violations', () => {
    const cause = new Error('inner');
    const violations = [{ field: 'a', description: 'must be text' }];
    const error = new AppError('invalid', 'outer', { cause, violations });
    expect(error).toMatchObject({ name: 'AppError', message: 'outer', cause, violations });
  });
});

describe('whatever was thrown becomes an AppError', () => {
  test('an AppError as it is', () => {
    const error = new AppError('conflict', 'x');
    expect(toAppError(error)).toBe(error);
  });

  test.each([
    ['an Error', new TypeError('x is no function'), 'unexpected: x is no function'],
    ['text', 'oops', 'unexpected: oops'],
    ['nothing', undefined, 'unexpected: undefined'],
  ])('%s as internal, with the original as its cause', (_, thrown, message) => {
    expect(toAppError(thrown)).toMatchObject({ code: 'internal', message, cause: thrown });
  });

  test('the message of an Error is its own', () => {
    expect(messageOf(new Error('x'))).toBe('x');
  });
});

describe('showing a rejected value', () => {
  test.each([
    ['text in quotes', 'abc', '"abc"'],
    ['empty text', '', '""'],
    ['control characters escaped', 'a\u0000\n', '"a\\u0000\\n"'],
    ['a lone surrogate escaped', '\ud800', '"\\ud800"'],
    ['40 characters whole', 'a'.repeat(40), `"${'a'.repeat(40)}"`],
    ['more than 40 characters cut, with a sign that they are', 'a'.repeat(41), `"${'a'.repeat(40)}"…`],
    ['a number', 1.5, '1.5'],
    ['null', null, 'null'],
    ['undefined', undefined, 'missing'],
    ['a boolean', false, 'false'],
    ['an object', { a: 1 }, 'an object'],
    ['a list', [1], 'a list'],
  ])('%s', (_, value, shown) => {
    expect(show(value)).toBe(shown);
  });

  test('whatever comes as JSON is shown on one short line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const shown = show(JSON.parse(JSON.stringify(value)));
        expect(shown.length).toBeLessThan(300);
        expect(shown).not.toContain('\n');
      }),
    );
  });

  test('an object that cannot be converted to text is shown too', () => {
    expect(show(JSON.parse('{"toString":0,"valueOf":0}'))).toBe('an object');
  });
});
