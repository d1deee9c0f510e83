// A backup as one stream: the plain tar format (POSIX.1-1988, "ustar"), because every system has a program that lists
// and unpacks it. Only what a backup consists of is written and taken: regular files with short names.

import { badBackup } from './manifest.ts';

const blockBytes = 512;
const zeroBlock = Buffer.alloc(blockBytes);

/** What follows the last entry. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

/** Where the header's fields are: offset and length. */
const field = {
  name: [0, 100],
  mode: [100, 8],
  owner: [108, 8],
  group: [116, 8],
  size: [124, 12],
  time: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const satisfies Record<string, readonly [number, number]>;

/** More than its eleven octal digits can say, which is 8 GiB, a size says in binary, as GNU tar and bsdtar do. */
const maxOctalSize = 0o77777777777;
const binaryFlag = 0x80;

/** The header of a file that goes before its content. `timeMs` are Unix milliseconds. */
export function tarHeader(name: string, bytes: number, timeMs: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  header.write(name, ...field.name);
  writeOctal(header, field.mode, 0o600);
  writeOctal(header, field.owner, 0);
  writeOctal(header, field.group, 0);
  writeOctal(header, field.time, Math.floor(timeMs / 1_000));
  header.write('0', ...field.type);
  header.write('ustar\x0000', ...field.magic);
  if (bytes <= maxOctalSize) {
    writeOctal(header, field.size, bytes);
  } else {
    const [offset, length] = field.size;
    header.writeUInt8(binaryFlag, offset);
    header.writeBigUInt64BE(BigInt(bytes), offset + length - 8);
  }
  writeOctal(header, field.checksum, checksum(header));
  return header;
}

/** What fills the last block of a file of this length. */
export function tarPadding(bytes: number): Buffer {
  return zeroBlock.subarray(0, (blockBytes - (bytes % blockBytes)) % blockBytes);
}

export interface TarEntry {
  readonly name: string;
  readonly bytes: number;
  /** To be read to its end before the next entry is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

/**
 * The files of a tar stream, in order.
 * @param what the stream's name in messages
 * @throws AppError `damaged` when it ends too early or is something else
 */
export async function* readTar(stream: AsyncIterable<Buffer>, what: string): AsyncGenerator<TarEntry> {
  const input = new Input(stream, what);
  for (;;) {
    const header = await input.take(blockBytes);
    if (header.equals(zeroBlock)) return;
    const [offset, length] = field.checksum;
    const stated = parseInt(header.toString('latin1', offset, offset + length), 8);
    const isFile = header.toString('latin1', ...span(field.type)) === '0';
    if (checksum(header) !== stated || !isFile)
      throw badBackup(what, 'it is not a backup of Tally, or is damaged');
    const bytes = readSize(header);
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw badBackup(what, 'a file in it has no size');
    yield { name: readName(header), bytes, content: input.upTo(bytes) };
    await input.take(tarPadding(bytes).length);
  }
}

/** The bytes of a stream, so many at a time. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #what: string;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>, what: string) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#what = what;
  }

  async *upTo(bytes: number): AsyncGenerator<Buffer> {
    for (let left = bytes; left > 0;) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async take(bytes: number): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.upTo(bytes)));
  }

  async #next(): Promise<Buffer> {
    const result = await this.#chunks.next();
    if (result.done === true) throw badBackup(this.#what, 'it is cut off');
    return result.value;
  }
}

type Field = readonly [offset: number, length: number];

function span([offset, length]: Field): [start: number, end: number] {
  return [offset, offset + length];
}

function writeOctal(header: Buffer, [offset, length]: Field, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, length, 'latin1');
}

function readName(header: Buffer): string {
  return header.toString('utf8', ...span(field.name)).replace(/\0+$/, '');
}

/** NaN when it says none; `parseInt` also reads a minus. */
function readSize(header: Buffer): number {
  const [start, end] = span(field.size);
  if (header.readUInt8(start) === binaryFlag) return Number(header.readBigUInt64BE(end - 8));
  return parseInt(header.toString('latin1', start, end), 8);
}

/** The sum of the header's bytes, its own field counting as spaces. */
function checksum(header: Buffer): number {
  const [start, end] = span(field.checksum);
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= start && index < end ? 0x20 : byte;
  return sum;
}
