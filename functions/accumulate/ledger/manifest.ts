// `backup.json`, the last file of a backup: which files it consists of and what is in them. It is what makes a backup
// whole: one without it was cut off, and a file that does not fit it is damaged.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { AppError } from '../../../lib/errors.ts';

export const manifestFile = 'backup.json';

const formatVersion = 1;

export interface BackupFile {
  readonly name: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

export interface Manifest {
  readonly format: typeof formatVersion;
  /** When the copied state was the newest, RFC 3339. */
  readonly takenAt: string;
  /** The last sequence number: how many events were ever counted up to then. */
  readonly seq: number;
  /** The generations, oldest first. */
  readonly files: readonly BackupFile[];
}

/** A file as it is listed. */
export async function describeFile(path: string): Promise<BackupFile> {
  const hash = createHash('sha256').setEncoding('hex');
  const file = createReadStream(path, { highWaterMark: 1_048_576 });
  await pipeline(file, hash);
  return { name: basename(path), bytes: file.bytesRead, sha256: String(hash.read()) };
}

/** `what` is no backup that could be restored. */
export function badBackup(what: string, reason: string, cause?: unknown): AppError {
  return new AppError('damaged', `${what} is not a whole backup: ${reason}. Use another one`, { cause });
}

export function formatManifest(content: Omit<Manifest, 'format'>): string {
  return `${JSON.stringify({ format: formatVersion, ...content } satisfies Manifest, undefined, 2)}\n`;
}

/**
 * @param what the backup's name in messages
 * @throws AppError `damaged` when the text is not what {@link formatManifest} writes
 */
export function parseManifest(text: string, what: string): Manifest {
  let value: Partial<Record<keyof Manifest, unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    throw badBackup(what, `its ${manifestFile} is not JSON`, error);
  }
  const { format, takenAt, seq, files } = value ?? {};
  if (typeof format === 'number' && format > formatVersion) {
    throw badBackup(what, `it has format ${format}, newer than this program's ${formatVersion}`);
  }
  const isWhole =
    format === formatVersion &&
    typeof takenAt === 'string' &&
    isCount(seq) &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every(isBackupFile);
  if (!isWhole) throw badBackup(what, `its ${manifestFile} is damaged`);
  return value as Manifest;
}

function isBackupFile(value: unknown): value is BackupFile {
  const { name, bytes, sha256 } = (value ?? {}) as Partial<Record<keyof BackupFile, unknown>>;
  return (
    typeof name === 'string' && isCount(bytes) && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
