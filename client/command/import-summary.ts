// The end of an import in words, as data, and as an exit code.

import { AppError } from '../../lib/errors.ts';
import type { ImportEnd } from '../import/importer.ts';
import type { ImportReport } from '../import/report.ts';
import { TallyError } from '../tally-error.ts';
import { stillNotCounted } from './add.ts';
import { errorJson, type Outcome } from './context.ts';
import { exit, exitCodeOf } from './exit.ts';

export interface ImportedFile {
  readonly file: string;
  readonly total: string;
  /** How the command was called. */
  readonly tally: string;
  /** Where all bad rows were written to. */
  readonly errors?: string | undefined;
  /** The exit code of an interruption. */
  readonly interrupted: number | undefined;
}

/** How many rows of a list are shown to people. */
const maxShown = 20;

export function summarize(report: ImportReport, end: ImportEnd, imported: ImportedFile): Outcome {
  const problem = [...explain(report, end, imported), ...listRows(report, imported)].join('\n');
  return {
    exitCode: pickExitCode(report, end, imported),
    json: toJson(report, end, imported),
    // Of a file that could not be read there is nothing to count.
    ...(!(end.error !== undefined && report.rows === 0) && { text: formatCounts(report, end, imported) }),
    ...(problem !== '' && { problem }),
  };
}

function pickExitCode(
  report: ImportReport,
  { error, wait }: ImportEnd,
  { interrupted }: ImportedFile,
): number {
  if (interrupted !== undefined) return interrupted;
  if (error instanceof TallyError && report.acknowledged > 0 && error.retryable) return exit.unknown;
  if (error !== undefined) return exitCodeOf(error);
  if (report.unknown > 0) return exit.unknown;
  if (wait !== undefined && wait.pending > 0) return exit.notCounted;
  return report.bad > 0 ? exit.refused : exit.done;
}

function formatCounts(report: ImportReport, { wait }: ImportEnd, { file, total }: ImportedFile): string {
  const rows: [string, number | string, string][] = [
    ['rows read', report.rows, ''],
    [
      'acknowledged',
      report.acknowledged,
      report.replayed > 0 ? `${report.replayed} of them remembered from an earlier run` : '',
    ],
    ['sum of these', report.sum, ''],
  ];
  if (wait !== undefined) {
    const { before, after } = wait;
    const isNew = report.counted - report.countedBefore;
    rows.push(['counted', report.counted, `${report.countedBefore} of them before this run`]);
    rows.push(['new in this run', isNew, '']);
    if (after !== undefined) {
      rows.push([
        'total',
        after.total,
        `${before.total} before; ${after.count} requests, ${before.count} before`,
      ]);
    }
  }
  if (report.repeated > 0) rows.push(['repeated', report.repeated, 'same id and amount as an earlier row']);
  if (report.bad > 0) rows.push(['bad', report.bad, '']);
  if (report.unknown > 0) rows.push(['unknown', report.unknown, '']);
  const width = Math.max(...rows.map(([, value]) => String(value).length));
  const lines = rows.map(([label, value, note]) =>
    `  ${label.padEnd(15)} ${String(value).padStart(width)}${note === '' ? '' : `  (${note})`}`.trimEnd(),
  );
  return [`${file} into ${total}`, ...lines].join('\n');
}

function explain(report: ImportReport, { error, wait }: ImportEnd, imported: ImportedFile): string[] {
  const { interrupted } = imported;
  const lines: string[] = [];
  const again = 'Run the same command again: what is counted already does not count twice.';
  if (interrupted !== undefined) {
    const inDoubt = report.rows - report.acknowledged - report.bad - report.repeated;
    const sent = inDoubt > 0 ? `${inDoubt} may be counted or not, ` : '';
    lines.push(
      `interrupted: ${report.acknowledged} rows were acknowledged, ${sent}the rest was not sent. ${again}`,
    );
  } else if (error instanceof TallyError && error.retryable) {
    lines.push(`gave up: ${error.message}`);
    const rest = error.outcomeUnknown ? 'may be counted or not' : 'was not sent';
    lines.push(`${report.acknowledged} rows were acknowledged, the rest ${rest}. ${again}`);
  } else if (error !== undefined) {
    lines.push(`stopped: ${error.message}`);
    if (report.acknowledged > 0) {
      lines.push(`${report.acknowledged} rows before were acknowledged. ${again}`);
    }
  } else if (report.unknown > 0) {
    lines.push(`${report.unknown} rows got no final answer and may be counted or not. ${again}`);
  }
  if (wait !== undefined && wait.pending > 0) {
    const seen = wait.lastError === undefined ? 'not counted yet' : wait.lastError.message;
    lines.push(
      `${wait.pending} acknowledged rows are in the log, but were not seen to be counted in time: ${seen}`,
      `To look again, run the same command. ${stillNotCounted(imported)}`,
    );
  }
  return lines;
}

function listRows(
  { bad, badRows, repeated, repeatedRows }: ImportReport,
  { errors }: ImportedFile,
): string[] {
  const more = (count: number, shown: number, where = '') =>
    count > shown ? [`  … and ${count - shown} more${where}`] : [];
  const shownBad = badRows.slice(0, maxShown).map(({ line, problem }) => `  line ${line}: ${problem}`);
  const shownRepeated = repeatedRows
    .slice(0, maxShown)
    .map(({ line, firstLine }) => `  line ${line} repeats line ${firstLine}`);
  const where =
    errors === undefined ? ' (--errors FILE writes all of them to a file)' : ` (all in ${errors})`;
  return [
    ...(bad > 0 ? ['bad rows, not counted:', ...shownBad, ...more(bad, shownBad.length, where)] : []),
    ...(repeated > 0
      ? ['repeated rows, counted once:', ...shownRepeated, ...more(repeated, shownRepeated.length)]
      : []),
  ];
}

function toJson(
  report: ImportReport,
  { error, wait }: ImportEnd,
  { file, total, interrupted }: ImportedFile,
): unknown {
  const { rows, acknowledged, replayed, sum, repeated, bad, unknown, badRows, repeatedRows } = report;
  return {
    ...{ file, total, finished: error === undefined && interrupted === undefined },
    ...{ rows, acknowledged, replayed, sum, repeated, bad, unknown },
    ...(wait !== undefined && {
      counted: { rows: report.counted, beforeThisRun: report.countedBefore, pending: wait.pending },
      before: wait.before,
      after: wait.after ?? null,
    }),
    // Of long lists the first thousand rows; the counts are of all.
    ...{ badRows, repeatedRows },
    ...(error !== undefined && {
      error: error instanceof AppError ? errorJson(error) : { code: 'usage', message: error.message },
    }),
  };
}
