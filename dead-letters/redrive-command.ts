// tally dead-letters redrive, round what redrive.ts does: which letters, how far it is, how it ends.

import { exit } from '../client/command/exit.ts';
import { watchInterruption } from '../client/command/interruption.ts';
import { printable } from '../lib/printable.ts';
import type { LogAccess } from '../local/access/log-access.ts';
import type { Letter } from './letter.ts';
import type { LetterBox } from './letter-box.ts';
import { countLetters, type Outcome } from './outcome.ts';
import { redrive, type RedriveReport } from './redrive.ts';
import { placesOf, selectLetters } from './selection.ts';

export interface RedriveCommandOptions {
  readonly reason?: string;
  /** Say how far it is where standard error is no terminal, too. */
  readonly progress?: true;
  readonly json?: true;
}

export async function runRedrive(
  log: LogAccess,
  box: LetterBox,
  names: readonly string[],
  { reason, progress, json }: RedriveCommandOptions,
): Promise<Outcome> {
  const pages = names.length > 0 ? once(await selectLetters(box, names)) : openLetters(box);
  const interruption = watchInterruption();
  let redriven = 0;
  let refused = 0;
  const named: Letter[] = [];
  try {
    const report = await redrive(log, pages, {
      reason,
      signal: interruption.signal,
      onRedriven: (letters) => {
        redriven += letters.length;
        refused += letters.filter(({ failure: { code } }) => refusals.has(code)).length;
        if (names.length > 0) named.push(...letters);
        showProgress(`redriven ${redriven}`, progress === true);
      },
    });
    showProgress('', false);
    const exitCode = interruption.exitCode ?? exitCodeOf(report);
    const note = explain(report, refused, interruption.exitCode !== undefined);
    return {
      exitCode,
      text: json ? JSON.stringify(toJson(report)) : sayRedriven(redriven, named),
      ...(note !== '' && { note }),
    };
  } finally {
    interruption.dispose();
  }
}

/** What accumulate answers to an event as it is, whenever it comes; of 422 only a wrong clock can be mended. */
const refusals: ReadonlySet<number | undefined> = new Set([400, 413, 415, 422]);

async function* openLetters(box: LetterBox): AsyncGenerator<readonly Letter[]> {
  for await (const page of box.letters()) yield page.filter((letter) => box.isOpen(letter));
}

// eslint-disable-next-line @typescript-eslint/require-await -- pages come from the log, these are here already
async function* once(letters: readonly Letter[]): AsyncGenerator<readonly Letter[]> {
  yield letters;
}

/** @param named those that the command line named: which they were is worth knowing there */
function sayRedriven(redriven: number, named: readonly Letter[]): string {
  return `redriven ${countLetters(redriven)}${named.length > 0 ? `: ${placesOf(named)}` : ''}`;
}

/** On a terminal each time in place of the last, elsewhere a line where it is wanted. */
function showProgress(text: string, isWanted: boolean): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (isWanted) process.stderr.write(`${text}\n`);
}

function exitCodeOf({ error, failed }: RedriveReport): number {
  if (error !== undefined) return error.retryable ? exit.unknown : exit.refused;
  return failed > 0 ? exit.refused : exit.done;
}

function explain(
  { error, failed, failures }: RedriveReport,
  refused: number,
  isInterrupted: boolean,
): string {
  const more = failed - failures.length;
  const lines = failures.map(
    ({ letter, id, problem }) => `${letter} ${printable(id)}: not redriven: ${problem}`,
  );
  if (more > 0) lines.push(`… and ${more} more`);
  if (refused > 0) {
    const again = 'if what was wrong with them is not mended, each is a new letter soon';
    lines.push(`${refused} of them had been refused (400, 413, 415 or 422): ${again}`);
  }
  if (error !== undefined) lines.push(`did not finish: ${error.message}`);
  if (error !== undefined || isInterrupted)
    lines.push('To go on run the same command again: nothing counts twice.');
  return lines.join('\n');
}

function toJson({ redriven, failed, failures, error }: RedriveReport) {
  return { redriven, failed, failures, error: error && { code: error.code, message: error.message } };
}
