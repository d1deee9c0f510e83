import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Readable } from 'node:stream';

import { UsageError } from '../usage-error.ts';
import { readRows } from './csv.ts';

async function read(text: string, delimiter = ',', chunkBytes = 65_536): Promise<[number, ...string[]][]> {
  const bytes = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  const rows = await Array.fromAsync(readRows(Readable.from(chunks), delimiter));
  return rows.map(({ line, fields }) => [line, ...fields]);
}

describe('readRows', () => {
  test('gives the line on which each row begins, whatever quoted fields and blank lines are before it', async () => {
    const text = '\uFEFFid,note\r\n\r\n1,"two\r\nlines, ""quoted"""\r\n\n ,\n2,x';
    expect(await read(text)).toEqual([
      [1, 'id', 'note'],
      [3, '1', 'two\r\nlines, "quoted"'],
      [7, '2', 'x'],
    ]);
  });

  test('gives rows and lines as they were written, for any content, line ends and chunks', async () => {
    const field = fc.stringMatching(/^[a-z0-9 ",;\r\né€😀-]{0,8}$/u);
    const row = fc.record({
      fields: fc.array(field, { minLength: 2, maxLength: 4 }),
      end: fc.constantFrom('\n', '\r\n'),
      blankLinesAfter: fc.nat(2),
    });
    const file = fc.array(row, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(file, fc.integer({ min: 1, max: 40 }), fc.boolean(), async (rows, chunkBytes, bom) => {
        let text = bom ? '\uFEFF' : '';
        const expected: [number, ...string[]][] = [];
        for (const { fields, end, blankLinesAfter } of rows) {
          const line = text.split('\n').length;
          if (fields.some((value) => value.trim() !== '')) expected.push([line, ...fields]);
          text += fields.map((value) => `"${value.replaceAll('"', '""')}"`).join(',') + end;
          text += end.repeat(blankLinesAfter);
        }
        expect(await read(text, ',', chunkBytes)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('reads other delimiters', async () => {
    expect(await read('a\tb\n1\t\n', '\t')).toEqual([
      [1, 'a', 'b'],
      [2, '1', ''],
    ]);
  });

  test.each([
    ['a quote that is never closed', 'a,b\n1,"x\n2,y\n', 'a quote is opened and never closed'],
    ['a quote inside a field', 'a,b\n1,x"y\n', 'in the middle of a field'],
    ['text after a quote', 'a,b\n1,"x"y\n', 'followed by more text'],
    ['an endless row', `a,b\n1,"${'x'.repeat(2 ** 20)}\n`, 'never closed'],
    ['UTF-16', '\uFFFE', ''],
  ])('stops at %s, after the rows before it', async (_, text, reason) => {
    const bytes = text === '\uFFFE' ? Buffer.from([0xff, 0xfe, 0x61, 0]) : Buffer.from(text);
    const reading = Array.fromAsync(readRows(Readable.from([bytes]), ','));
    await expect(reading).rejects.toBeInstanceOf(UsageError);
    await expect(reading).rejects.toThrow(reason);
  });

  test('names the line from which on the file is not CSV', async () => {
    await expect(read('a,b\n1,2\n3,"4\n')).rejects.toThrow('line 3');
  });
});
