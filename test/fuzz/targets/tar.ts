// A backup as one stream is read as it was written, or is refused as damaged; what it names and holds comes from it (I5).

import { readTar, tarEnd, tarHeader, tarPadding } from '../../../functions/accumulate/ledger/tar.ts';
import { AppError } from '../../../lib/errors.ts';
import { check } from '../property.ts';

interface File {
  readonly name: string;
  readonly content: Buffer;
}

export async function fuzz(data: Buffer): Promise<void> {
  const files = await readFiles(data);
  // Only such names are written. Of others the reader says what it can, and a restore takes none of them.
  if (files?.every(({ name }) => /^[!-~]{1,100}$/.test(name)) !== true) return;
  const again = await readFiles(Buffer.concat([...files.flatMap(write), tarEnd]));
  for (const [index, { name, content }] of files.entries()) {
    const copy = again?.[index];
    check(copy?.name === name && copy.content.equals(content), `${name} is in the copy as it was`);
  }
  check(again?.length === files.length, 'nothing else is in the copy');
}

function write({ name, content }: File): Buffer[] {
  return [tarHeader(name, content.length, 0), content, tarPadding(content.length)];
}

/** The checksum is made right: nobody finds one by chance, and what is behind it is worth a look. */
async function readFiles(data: Buffer): Promise<File[] | undefined> {
  const bytes = Buffer.from(data);
  mend(bytes);
  const files: File[] = [];
  let taken = 0;
  try {
    for await (const { name, bytes: size, content } of readTar(inPieces(bytes), 'it')) {
      const pieces = await Array.fromAsync(content);
      files.push({ name, content: Buffer.concat(pieces) });
      taken += size;
      check(files.at(-1)?.content.length === size, 'a file is as long as it says');
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'damaged') return undefined;
    throw error;
  }
  check(taken <= bytes.length, 'no more comes out than is in it');
  return files;
}

function mend(bytes: Buffer): void {
  if (bytes.length < 512) return;
  let sum = 8 * 0x20;
  for (const [index, byte] of bytes.subarray(0, 512).entries()) sum += index >= 148 && index < 156 ? 0 : byte;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1_000)
    yield await Promise.resolve(bytes.subarray(at, at + 1_000));
}
