// A backup's list is taken whole or refused.

import { expect, test } from '@jest/globals';

import { formatManifest, parseManifest } from './manifest.ts';

const file = { name: 'ledger-00000001.db', bytes: 4_096, sha256: 'a'.repeat(64) };
const content = { takenAt: '2026-01-31T12:00:00.000Z', seq: 7, files: [file] };

test('what is written is read', () => {
  expect(parseManifest(formatManifest(content), 'it')).toEqual({ format: 1, ...content });
});

test.each<[string, Record<string, unknown>]>([
  ['no files', { files: [] }],
  ['a number of events below 0', { seq: -1 }],
  ['half an event', { seq: 0.5 }],
  ['a file of fewer than 0 bytes', { files: [{ ...file, bytes: -1 }] }],
  ['a file without a name', { files: [{ ...file, name: undefined }] }],
  ['a hash that is too short', { files: [{ ...file, sha256: 'a'.repeat(63) }] }],
  ['a hash that is none', { files: [{ ...file, sha256: 'x'.repeat(64) }] }],
])('%s is damage', (_, change) => {
  const text = JSON.stringify({ format: 1, ...content, ...change });
  expect(() => parseManifest(text, 'the backup')).toThrow(
    expect.objectContaining({
      code: 'damaged',
      message: expect.stringContaining('the backup is not a whole'),
    }),
  );
});
