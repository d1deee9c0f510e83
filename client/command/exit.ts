// How the command ends. The codes are a contract with scripts.

import { AppError } from '../../lib/errors.ts';
import { ConfigError } from '../../lib/env.ts';
import { TallyError } from '../tally-error.ts';
import { UsageError } from '../usage-error.ts';

export const exit = {
  done: 0,
  bug: 1,
  usage: 2,
  refused: 3,
  unknown: 4,
  notCounted: 5,
  unreachable: 6,
} as const;

export const exitHelp = `
Exit codes:
  0  done
  1  an unexpected error: a bug
  2  wrong usage, or a file that can't be read, or the output not written
  3  refused: a bad value, an id known with other operands, a token, bad rows in an import
  4  the outcome is unknown, or an import did not finish: run the command again, "add" as it was printed
  5  not found, or not counted within the time of --wait
  6  no answer, and nothing was sent
  130, 143  interrupted (Ctrl-C, SIGTERM)`;

/** The commands on a volume or the log, which are programs of their own. */
export const otherExitHelp = `
The commands verify, backup, restore, rewind, audit and dead-letters have exit codes of their own: see --help of each.
Audit, for one, ends with 1 when something differs, verify with 1 when the ledger is damaged.`;

/** The code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigError) return exit.usage;
  if (!(error instanceof AppError)) return exit.bug;
  if (error instanceof TallyError && error.outcomeUnknown) return exit.unknown;
  if (error.code === 'not-found') return exit.notCounted;
  return error.retryable ? exit.unreachable : exit.refused;
}
