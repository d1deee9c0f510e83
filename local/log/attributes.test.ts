import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../lib/errors.ts';
import { checkAttribute } from './attributes.ts';

describe('an attribute that a KafkaSink takes', () => {
  test.each([
    ['time', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    ['time', '2026-01-02T03:04:05.120Z', '2026-01-02T03:04:05.12Z'],
    ['time', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05Z'],
    ['time', '2026-01-02T03:04:05.123456789Z', '2026-01-02T03:04:05.123456789Z'],
    ['time', '2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05Z'],
    ['time', '2026-01-02T03:04:05+02:00', '2026-01-02T03:04:05+02:00'],
    ['time', '2026-01-02T03:04:05.5-08:30', '2026-01-02T03:04:05.5-08:30'],
    ['time', '2024-02-29T00:00:00z', '2024-02-29T00:00:00Z'],
    ['source', '', ''],
    ['source', '/functions/add', '/functions/add'],
    [
      'source',
      'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
      'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
    ],
    ['source', 'https://example.com/a?b=%20c#d', 'https://example.com/a?b=%20c#d'],
    ['specversion', '0.3', '0.3'],
    ['id', '', ''],
    ['comexample1', 'any text: ü', 'any text: ü'],
  ])('%s %j is written as %j', (name, value, written) => {
    expect(checkAttribute(name, value)).toBe(written);
  });
});

describe('an attribute that a KafkaSink refuses', () => {
  test.each([
    ['time', ''],
    ['time', 'yesterday'],
    ['time', '2026-01-02T03:04:05'],
    ['time', '2026-01-02 03:04:05Z'],
    ['time', '2026-02-30T03:04:05Z'],
    ['time', '2025-02-29T03:04:05Z'],
    ['time', '2026-13-01T03:04:05Z'],
    ['time', '2026-01-02T24:00:00Z'],
    ['time', '2026-01-02T03:04:60Z'],
    ['time', '2026-01-02T03:04:05+19:00'],
    ['source', 'a b'],
    ['source', ':'],
    ['source', 'http:'],
    ['source', '1a:b'],
    ['source', '/%zz'],
    ['source', '/a#b#c'],
    ['source', '<source>'],
    ['dataschema', '{schema}'],
    ['specversion', '1.1'],
    ['specversion', ''],
    ['partition_key', 'x'],
    ['partition-key', 'x'],
  ])('%s %j', (name, value) => {
    expect(() => checkAttribute(name, value)).toThrow(AppError);
  });
});
