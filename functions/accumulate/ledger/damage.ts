// What SQLite's errors mean here, and how damage is named with the way out of it (I5).

import { AppError, messageOf } from '../../../lib/errors.ts';
import { isDamage, sqliteCode } from '../../../lib/sqlite.ts';

/** https://sqlite.org/rescode.html */
const code = { busy: 5, readOnly: 8, full: 13 } as const;

/** Damage in `file`, named, with what an operator can do. An AppError passes as it is. */
export function damaged(file: string, what: unknown): AppError {
  if (what instanceof AppError) return what;
  const reason = what instanceof Error ? what.message : String(what);
  return new AppError(
    'damaged',
    `${file} is damaged: ${reason}. Nothing is counted on it. Run "tally verify" for all that is wrong; ` +
      'restore the volume from a backup and let the log deliver again what came after it.',
    { cause: what },
  );
}

/** An error of a read or commit, as what the caller should be told. */
export function toLedgerError(file: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDamage(error)) return damaged(file, error);
  switch ((sqliteCode(error) ?? 0) & 0xff) {
    case code.busy:
      return new AppError('unavailable', 'another process holds the ledger', { cause: error });
    case code.full:
      return new AppError('unavailable', 'the volume is full', { cause: error });
    case code.readOnly:
      return new AppError('unavailable', 'the volume is read-only', { cause: error });
    default:
      return new AppError('unavailable', `the ledger cannot be written: ${messageOf(error)}`, {
        cause: error,
      });
  }
}
