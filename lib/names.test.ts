import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { parseRequestId, parseTotalName } from './names.ts';

function refusal(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    return error;
  }
}

const invalid = (message: string) => ({ code: 'invalid', message: expect.stringContaining(message) });

const wrongTypes: readonly [string, unknown, string][] = [
  ['null', null, 'null'],
  ['a number', 7, '7'],
  ['an object', {}, 'an object'],
  ['a list of one right text', ['default'], 'a list'],
];

describe('a request id', () => {
  test('is any UUID, in lower case whatever way it was written', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(parseRequestId(id)).toBe(id);
        expect(parseRequestId(id.toUpperCase())).toBe(id);
      }),
    );
  });

  test.each([
    ['', '""'],
    ['x', '"x"'],
    ['00000000-0000-4000-8000-00000000000g', '"00000000-0000-4000-8000-00000000000g"'],
    ['00000000-0000-4000-8000-000000000000\n', '"00000000-0000-4000-8000-000000000000\\n"'],
    ['{00000000-0000-4000-8000-000000000000}', '"{00000000-0000-4000-8000-000000000000}"'],
    ['00000000000040008000000000000000', '"00000000000040008000000000000000"'],
    ['00000000-0000-4000-8000-00000000000\u0660', '"00000000-0000-4000-8000-00000000000\u0660"'],
    ['a'.repeat(1_000_000), `"${'a'.repeat(40)}"…`],
  ])('is not %j', (text, shown) => {
    expect(refusal(() => parseRequestId(text))).toMatchObject(invalid('must be a UUID'));
    expect(refusal(() => parseRequestId(text))).toMatchObject(invalid(`was ${shown}`));
  });

  test.each([...wrongTypes, ['nothing', undefined, 'missing']])('is not %s', (_, value, shown) => {
    expect(refusal(() => parseRequestId(value))).toMatchObject(invalid(`was ${shown}`));
  });
});

describe('the name of a total', () => {
  test.each([['a'], ['0'], ['default'], ['sales-2026'], ['a'.repeat(63)], ['a--b-']])('may be %s', (name) => {
    expect(parseTotalName(name)).toBe(name);
  });

  test.each([[undefined], ['']])('%j means the default total', (name) => {
    expect(parseTotalName(name)).toBe('default');
  });

  test.each([
    ['Sales'],
    ['-a'],
    ['a'.repeat(64)],
    ['a b'],
    ['a\n'],
    ['a/b'],
    ['..'],
    ['__proto__'],
    ['ä'],
    ['a\u0000'],
    ['\ud800'],
  ])('is not %j', (name) => {
    expect(refusal(() => parseTotalName(name))).toMatchObject(invalid('must be 1 to 63 of a-z, 0-9 and -'));
  });

  test.each(wrongTypes)('is not %s', (_, value, shown) => {
    expect(refusal(() => parseTotalName(value))).toMatchObject(invalid(`was ${shown}`));
  });
});
