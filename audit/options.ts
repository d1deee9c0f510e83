// What `tally audit` is told on its command line.

import { parseArgs } from 'node:util';

import { parseDurationMs } from '../lib/env.ts';
import { AppError, show } from '../lib/errors.ts';
import { logHelp } from '../local/access/log-access.ts';
import type { AuditOptions } from './audit.ts';

export const usage = `Usage: tally audit [--data-dir DIR] [--log URL|PATH] [--since TIME] [--direct-source SOURCE]…
                   [--limit N] [--temp-dir DIR] [--progress] [--json]

Reads the log from its beginning, rebuilds every total from it with code of its own, and compares that with the ledger
in --data-dir (else DATA_DIR, else ./data), also while everything runs. Changes nothing. Says "equal" up to an offset, or
names each difference with its id: missing, counted without a record, counted with another amount, counted twice.
Run "tally verify" as well: it says whether the ledger is whole in itself.

${logHelp}

--since TIME            judges only what was counted or stored from TIME on, where retention has removed what came
                        before; what the totals were then is taken from the ledger. An ISO 8601 time with its zone,
                        or how long ago, such as 7d
--direct-source SOURCE  events of this source are posted to accumulate, past the log, and need no record
--limit N               lists at most N totals, and N differences of each kind; counted are all (default: 100)
--temp-dir DIR          where some 110 bytes for each record and each event are set aside meanwhile (default: the
                        system's directory for temporary files)
--progress              says how far it is, also where standard error is no terminal

Exit codes: 0 equal, 1 there are differences, 2 wrong usage, or it cannot be read or judged, 130 and 143 interrupted.
`;

export interface CommandOptions extends Omit<AuditOptions, 'onProgress'> {
  readonly limit: number;
  readonly help: boolean;
  /** What --log names. */
  readonly log: string | undefined;
  readonly dataDir: string | undefined;
  readonly progress: boolean;
  readonly json: boolean;
}

/**
 * @param now Unix milliseconds
 * @throws Error for an option that is not known, AppError `invalid` for a bad value
 */
export function readOptions(args: readonly string[], now: number): CommandOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'data-dir': { type: 'string' },
      log: { type: 'string' },
      since: { type: 'string' },
      'direct-source': { type: 'string', multiple: true, default: [] },
      limit: { type: 'string', default: '100' },
      'temp-dir': { type: 'string' },
      progress: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { log, since, limit, progress, json, help, 'temp-dir': tempDir } = values;
  if (!/^\d{1,7}$/.test(limit))
    throw new AppError('invalid', `--limit should be a number, was ${show(limit)}`);
  return {
    ...{ help, log, progress, json, dataDir: values['data-dir'] },
    directSources: values['direct-source'],
    limit: Number(limit),
    ...(since !== undefined && { sinceMs: readTime(since, now) }),
    ...(tempDir !== undefined && { tempDir }),
  };
}

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/i;

function readTime(text: string, now: number): number {
  const agoMs = parseDurationMs(text);
  const timeMs = agoMs === undefined ? (isoTime.test(text) ? Date.parse(text) : Number.NaN) : now - agoMs;
  if (timeMs <= now) return timeMs;
  throw new AppError(
    'invalid',
    `--since should be a time that is past, such as 2026-11-20T06:00:00Z or 7d, was ${show(text)}`,
  );
}
