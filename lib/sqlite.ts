// What SQLite's result codes mean to whoever keeps data in it: https://sqlite.org/rescode.html

import { AppError, messageOf } from './errors.ts';

const wrong = 1;
const busy = 5;
const corrupt = 11;
const notADatabase = 26;
const fsyncFailed = 1034;

/** The extended result code of an error that SQLite threw; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const isObject = typeof error === 'object' && error !== null;
  return isObject && 'errcode' in error ? Number(error.errcode) : undefined;
}

/** The file is not what SQLite wrote; one that was emptied while it was open has lost its tables. */
export function isDamage(error: unknown): boolean {
  const code = (sqliteCode(error) ?? 0) & 0xff;
  return (
    [corrupt, notADatabase].includes(code) || (code === wrong && /\bno such table: /.test(messageOf(error)))
  );
}

/** Another process holds the lock. */
export function isBusy(error: unknown): boolean {
  return ((sqliteCode(error) ?? 0) & 0xff) === busy;
}

/**
 * By SQLite or by Node, or the error that was made of it. After a failed fsync nobody knows what is on disk, and asking
 * again may answer a false yes: the process has to end, and the next one writes all that it finds anew before it builds
 * on it.
 */
export function isFsyncFailure(error: unknown): boolean {
  const original = error instanceof AppError ? error.cause : error;
  return (
    sqliteCode(original) === fsyncFailed ||
    (original as NodeJS.ErrnoException | undefined)?.syscall === 'fsync'
  );
}
