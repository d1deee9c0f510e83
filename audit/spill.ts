// Entries set aside on disk in buckets, all of one identity in the same one: what is too much for memory is then compared
// bucket by bucket (a grace hash join). One file, in blocks that each belong to a bucket; it has no name from the moment
// it is made, so nothing is left of it however the process ends.

import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmdirSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import { AppError, messageOf } from '../lib/errors.ts';
import { hashText } from './hash.ts';

/** What an entry takes on disk, ids being UUIDs and amounts short. */
export const entryBytes = 110;

/** What others on the same disk are left to write to. */
const headroomBytes = 64 * 1_048_576;
/** A bucket in memory is some MB. */
const entriesPerBucket = 20_000;
const maxBuckets = 4_096;
/** Of all blocks that are being filled. */
const bufferBytes = 32 * 1_048_576;
const maxBlockBytes = 65_536;

interface Bucket {
  readonly block: Buffer;
  filled: number;
  /** Where its written blocks are. */
  readonly positions: number[];
  readonly lengths: number[];
}

export class Spill {
  readonly #directory: string;
  readonly #file: number;
  readonly #buckets: readonly Bucket[];
  #size = 0;

  /**
   * @param directory for temporary files
   * @param expected about how many entries there will be
   * @throws AppError `unavailable` when the directory can't be written, or has too little room
   */
  constructor(directory: string, expected: number) {
    this.#directory = directory;
    this.#file = openNameless(directory);
    try {
      this.#requireSpace(expected * entryBytes);
    } catch (error) {
      this.close();
      throw error;
    }
    const count = Math.min(maxBuckets, Math.ceil(expected / entriesPerBucket) + 1);
    const blockBytes = Math.min(maxBlockBytes, Math.floor(bufferBytes / count));
    this.#buckets = Array.from({ length: count }, () => ({
      block: Buffer.allocUnsafe(blockBytes),
      filled: 0,
      positions: [],
      lengths: [],
    }));
  }

  get buckets(): number {
    return this.#buckets.length;
  }

  /** How much is on disk. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param key entries with the same one meet in a bucket
   * @param entry anything that JSON can carry
   */
  add(key: string, entry: readonly unknown[]): void {
    const bucket = this.#buckets[hashText(key) % this.#buckets.length] as Bucket;
    const text = `${JSON.stringify(entry)},`;
    // No character takes more than three bytes.
    if (text.length * 3 > bucket.block.length - bucket.filled) {
      this.#flush(bucket);
      if (text.length * 3 > bucket.block.length) {
        this.#write(bucket, Buffer.from(text));
        return;
      }
    }
    bucket.filled += bucket.block.write(text, bucket.filled);
  }

  /** The entries of one bucket, in the order in which they were added. */
  read(index: number): unknown[][] {
    const bucket = this.#buckets[index] as Bucket;
    this.#flush(bucket);
    const { positions, lengths } = bucket;
    const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const [n, position] of positions.entries()) {
      at += readSync(this.#file, bytes, at, lengths[n] ?? 0, position);
    }
    if (at !== bytes.length) throw new AppError('unavailable', 'a temporary file could not be read back');
    return JSON.parse(`[${bytes.toString('utf8', 0, Math.max(0, at - 1))}]`) as unknown[][];
  }

  close(): void {
    closeSync(this.#file);
  }

  #flush(bucket: Bucket): void {
    if (bucket.filled > 0) this.#write(bucket, bucket.block.subarray(0, bucket.filled));
    bucket.filled = 0;
  }

  #write(bucket: Bucket, bytes: Buffer): void {
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(this.#file, bytes, written, bytes.length - written, this.#size + written);
      }
    } catch (cause) {
      const what = `${this.#directory} took no more after ${formatBytes(this.#size)}: ${messageOf(cause)}`;
      throw new AppError('unavailable', `${what}. Name a directory with more room by --temp-dir`, { cause });
    }
    bucket.positions.push(this.#size);
    bucket.lengths.push(bytes.length);
    this.#size += bytes.length;
  }

  #requireSpace(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    const available = bavail * bsize;
    if (available >= bytes + headroomBytes) return;
    throw new AppError(
      'unavailable',
      `${this.#directory} has ${formatBytes(available)} free, but the audit needs about ${formatBytes(bytes)} there, ` +
        `and ${formatBytes(headroomBytes)} stay free for others. Name another directory by --temp-dir`,
    );
  }
}

function openNameless(directory: string): number {
  try {
    const made = mkdtempSync(join(directory, '.audit-'));
    const path = join(made, 'entries');
    const file = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    rmdirSync(made);
    return file;
  } catch (cause) {
    const what = `cannot write temporary files to ${directory}: ${messageOf(cause)}`;
    throw new AppError('unavailable', `${what}. Name another directory by --temp-dir`, { cause });
  }
}

function formatBytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
