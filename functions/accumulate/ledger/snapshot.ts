// Copies a ledger while others write it, as it was at one commit (I5). Generations are copied from the oldest on, each
// in one read transaction, following the seals: sealed ones never change again, so the snapshot of the newest, the
// last, is the state of the whole.
//
// A copy is made by SQLite's online backup in a single step. In several steps it would begin anew whenever another
// process writes, and might never end. While it reads the newest generation (about 10 s a GB), the write-ahead log
// can't be emptied and grows by what is written meanwhile.

import { statfsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';

import { AppError, messageOf } from '../../../lib/errors.ts';
import { isDamage } from '../../../lib/sqlite.ts';
import { checkNewest, checkWitness } from './check.ts';
import { damaged } from './damage.ts';
import { Generation } from './generation.ts';
import { syncPath } from './generation-file.ts';
import type { Volume } from './volume.ts';

/** One copied generation, on disk. */
export interface GenerationCopy {
  readonly path: string;
  /** The last sequence number in it. */
  readonly seq: number;
  /** When it was copied, Unix milliseconds: all that was counted before is in it or in an earlier one. */
  readonly takenAtMs: number;
}

/** More pages than a file can have: everything in one step. */
const allPages = 2 ** 31 - 1;

/** What others on the same disk are left to write to. */
const headroomBytes = 64 * 1_048_576;

/**
 * Copies the generations of `source` into `directory`, oldest first. Each copy has passed the check that a start makes.
 * @throws AppError `damaged` when the ledger is; `unavailable` when there is no space
 */
export async function* copyGenerations(source: Volume, directory: string): AsyncGenerator<GenerationCopy> {
  // A copy of a ledger that has lost events would take the place of a better one.
  checkWitness(source.directory, source.newest);
  for (let copied = 0, isWhole = false; !isWhole;) {
    const next = source.oldestFirst.find(({ number }) => number > copied);
    if (next === undefined) {
      // The last was sealed in the meantime.
      source.advance();
      continue;
    }
    requireSpace(directory, sizeOf(next));
    const takenAtMs = Date.now();
    const path = join(directory, basename(next.file));
    await copyDatabase(next, path);
    const { seq, isSealed } = inspect(directory, next.number);
    yield { path, seq, takenAtMs };
    isWhole = !isSealed;
    copied = next.number;
  }
}

/** How many bytes a copy of the whole ledger takes, at most, if nothing is added. */
export function sizeOfVolume(source: Volume): number {
  return source.oldestFirst.reduce((sum, generation) => sum + sizeOf(generation), 0);
}

/** @throws AppError `unavailable` when `directory` has no room for so many bytes and a little more */
export function requireSpace(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const available = bavail * bsize;
  if (available >= bytes + headroomBytes) return;
  throw new AppError(
    'unavailable',
    `${directory} has ${formatBytes(available)} free, but a copy there needs ${formatBytes(bytes)}, and ` +
      `${formatBytes(headroomBytes)} stay free for others`,
  );
}

function formatBytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function sizeOf({ file }: Generation): number {
  return ['', '-wal'].reduce((sum, suffix) => {
    return sum + (statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}

async function copyDatabase({ db, file }: Generation, path: string): Promise<void> {
  try {
    // Each page is read once: a larger cache would only take memory from those who share the container.
    db.exec('PRAGMA cache_size = -2048');
    await backup(db, path, { rate: allPages });
    const copy = new DatabaseSync(path);
    try {
      // One file, which can be read where nothing can be written.
      copy.exec('PRAGMA journal_mode = DELETE');
    } finally {
      copy.close();
    }
  } catch (error) {
    if (isDamage(error)) throw damaged(file, error);
    throw new AppError('unavailable', `cannot copy ${file} to ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  syncPath(path);
}

/** @throws AppError `damaged` when accumulate would not start with this copy */
function inspect(directory: string, number: number): { seq: number; isSealed: boolean } {
  const copy = new Generation(directory, number, 'read');
  try {
    checkNewest(copy);
    return { seq: copy.lastSeq(), isSealed: copy.state().sealedAt !== null };
  } finally {
    copy.close();
  }
}
