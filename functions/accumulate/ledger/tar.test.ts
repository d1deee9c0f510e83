import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { makeTempDir } from '../../../test/temp-dir.ts';
import { readTar, tarEnd, tarHeader, tarPadding } from './tar.ts';

const files = { 'a.db': Buffer.alloc(70_000, 'a'), empty: Buffer.alloc(0), 'b.json': Buffer.from('{}\n') };

function makeTar(): Buffer {
  const parts = Object.entries(files).flatMap(([name, content]) => [
    tarHeader(name, content.length, Date.UTC(2026, 0, 2)),
    content,
    tarPadding(content.length),
  ]);
  return Buffer.concat([...parts, tarEnd]);
}

/** Comes in pieces of a size that fits nothing. */
function* inPieces(bytes: Buffer, size = 1_000): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(bytes: Buffer, size?: number): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {};
  async function* stream(): AsyncGenerator<Buffer> {
    yield* await Promise.resolve(inPieces(bytes, size));
  }
  for await (const { name, content } of readTar(stream(), 'the stream')) {
    found[name] = Buffer.concat(await Array.fromAsync(content));
  }
  return found;
}

function tar(args: readonly string[], input?: Buffer) {
  const { stdout, stderr, status } = spawnSync('tar', args, { input });
  return { status, output: stdout.toString() + stderr.toString(), stdout };
}

test.each([1, 511, 512, 513, 1_000_000])('what is written is read, in pieces of %i bytes', async (size) => {
  expect(await readAll(makeTar(), size)).toEqual(files);
});

test('the system’s tar unpacks what is written, and what it packs is read', async () => {
  const directory = makeTempDir();
  expect(tar(['-xf', '-', '-C', directory], makeTar())).toMatchObject({ status: 0, output: '' });
  for (const [name, content] of Object.entries(files)) {
    expect(readFileSync(join(directory, name)).equals(content)).toBe(true);
  }
  const packed = tar(['--format=ustar', '-cf', '-', '-C', directory, ...Object.keys(files)]);
  expect(await readAll(packed.stdout)).toEqual(files);
});

test.each([
  ['no number', 'size'],
  ['a negative one', '-5'],
  ['nothing', '\0\0\0\0'],
])('a size that is %s is damage, not an empty file', async (_, size) => {
  const whole = makeTar();
  whole.write(size.padEnd(11, '\0'), 124, 'latin1');
  whole.fill(' ', 148, 156);
  const sum = whole.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  whole.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
  await expect(readAll(whole)).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringContaining('has no size'),
  });
});

test('a file may be larger than 8 GiB', async () => {
  const header = tarHeader('large', 90_000_000_000, 0);
  expect(tar(['-tvf', '-'], header).output).toContain(' 90000000000 ');
  async function* stream(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(header);
  }
  const result = await readTar(stream(), 'the stream').next();
  expect(result.value).toMatchObject({ name: 'large', bytes: 90_000_000_000 });
});

test('a stream that is cut off anywhere before its end is noticed', async () => {
  const whole = makeTar();
  const needed = whole.length - tarEnd.length / 2;
  await fc.assert(
    fc.asyncProperty(fc.nat(needed - 1), async (length) => {
      await expect(readAll(whole.subarray(0, length))).rejects.toThrow(
        'the stream is not a whole backup: it is cut off',
      );
    }),
  );
});

test('a header that was changed is noticed, and so is what is no tar', async () => {
  const whole = makeTar();
  await fc.assert(
    // Byte 155 only ends the digits of the checksum, and a blank in place of their first zero leaves them the same number.
    fc.asyncProperty(
      fc.tuple(fc.nat(511), fc.nat(7)).filter(([at, bit]) => at !== 155 && !(at === 148 && bit === 4)),
      async ([at, bit]) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        await expect(readAll(damaged)).rejects.toMatchObject({ code: 'damaged' });
      },
    ),
  );
  await expect(readAll(Buffer.alloc(2_000, 'x'))).rejects.toThrow(
    'it is not a backup of Tally, or is damaged',
  );
});

test('only regular files are taken', async () => {
  const directory = makeTempDir();
  mkdirSync(join(directory, 'sub'));
  writeFileSync(join(directory, 'sub', 'x'), 'x');
  const packed = tar(['--format=ustar', '-cf', '-', '-C', directory, 'sub']);
  await expect(readAll(packed.stdout)).rejects.toMatchObject({ code: 'damaged' });
});
