// Imports a CSV file into a total over AddAll. Every row keeps its id over retries and runs, so that each counts once
// (I2) and what is reported as acknowledged is not lost (I1). Memory does not grow with the file, but for the index of
// its ids.

import type { Readable } from 'node:stream';

import type { CountedRequest, Total } from '../accumulate.ts';
import type { OnRetry } from '../add.ts';
import type { TallyClient } from '../client.ts';
import { TallyError } from '../tally-error.ts';
import { UsageError } from '../usage-error.ts';
import { Confirmation } from './confirmation.ts';
import { readRows } from './csv.ts';
import type { ImportReport } from './report.ts';
import { type RowAddition, RowReader, type RowReaderOptions } from './row-reader.ts';

export interface ImportOptions extends RowReaderOptions {
  readonly input: Readable;
  readonly delimiter: string;
  /** Gives up when nothing was answered for so long. */
  readonly patienceMs: number;
  /** Waits until every row is counted, and gives up when none became so for so long; undefined does not wait. */
  readonly waitMs?: number | undefined;
  /** Reads no further; what was read is finished. */
  readonly stopReading: AbortSignal;
  /** Ends at once. */
  readonly stop: AbortSignal;
  readonly onRetry: OnRetry;
  readonly onWarning: (warning: string) => void;
}

const maxReadMs = 10_000;

/** How an import ended; what it did is in the report. */
export interface ImportEnd {
  /** Why it stopped before its end: the server was away for too long, or the file could not be read on. */
  readonly error?: TallyError | UsageError | undefined;
  /** With `waitMs`: what was not seen to be counted, and the total before and after. */
  readonly wait?:
    | {
        readonly pending: number;
        readonly lastError: TallyError | undefined;
        readonly before: Total;
        /** Undefined when it could not be read. */
        readonly after: Total | undefined;
      }
    | undefined;
}

/** @throws UsageError when the file has no such columns, TallyError when with `waitMs` the total can't be read */
export async function importCsv(
  client: TallyClient,
  options: ImportOptions,
  report: ImportReport,
): Promise<ImportEnd> {
  const { waitMs, stop, onRetry, patienceMs } = options;
  const before = waitMs === undefined ? undefined : await readTotal(client, options, waitMs);
  const confirmation =
    waitMs === undefined || before === undefined
      ? undefined
      : new Confirmation({
          client,
          patienceMs: waitMs,
          onRetry,
          onCounted: (row, counted) => {
            takeCounted(report, row, counted, before);
          },
        });
  const stopConfirmation = () => confirmation?.stop();
  stop.addEventListener('abort', stopConfirmation);
  let error: TallyError | UsageError | undefined;
  try {
    for await (const result of client.addAll(readAdditions(options, report), {
      patienceMs,
      signal: stop,
      onRetry,
    })) {
      const { input: row } = result;
      if (result.error === undefined) {
        report.addAcknowledged(result.sum, result.replayed);
        await confirmation?.add(row);
      } else if (result.error.code === 'conflict') {
        report.addBad({ line: row.line, problem: 'came in an earlier import with another amount' });
      } else if (result.error.outcomeUnknown) {
        report.unknown++;
      } else {
        report.addBad({ line: row.line, problem: result.error.message });
      }
    }
  } catch (cause) {
    if (!(cause instanceof TallyError || cause instanceof UsageError)) throw cause;
    error = cause;
  }
  if (confirmation === undefined || before === undefined) return { error };
  const { pending, lastError } = await confirmation.finish();
  stop.removeEventListener('abort', stopConfirmation);
  const after =
    waitMs === undefined || lastError !== undefined
      ? undefined
      : await readTotal(client, options, waitMs).catch(() => undefined);
  return { error, wait: { pending, lastError, before, after } };
}

async function* readAdditions(
  options: ImportOptions,
  report: ImportReport,
): AsyncGenerator<RowAddition, void, undefined> {
  const { input, stopReading } = options;
  let reader: RowReader | undefined;
  let wasFull = false;
  // A source that has nothing to say just now, such as a terminal, does not keep a stop waiting.
  const destroy = () => input.destroy();
  stopReading.addEventListener('abort', destroy);
  try {
    for await (const row of readRows(input, options.delimiter)) {
      if (stopReading.aborted) return;
      if (reader === undefined) {
        reader = new RowReader(row.fields, options);
        continue;
      }
      report.rows++;
      report.bytes = row.endByte;
      const read = reader.read(row);
      if (read.kind === 'addition') yield read.addition;
      else if (read.kind === 'bad') report.addBad(read);
      else report.addRepeated(read);
      if (reader.isFull && !wasFull) {
        wasFull = true;
        options.onWarning(
          `more ids than are remembered: from line ${row.line} on only the server notices repeated ones`,
        );
      }
    }
  } catch (error) {
    if (!stopReading.aborted) throw readable(error);
    return;
  } finally {
    stopReading.removeEventListener('abort', destroy);
  }
  if (reader === undefined) throw new UsageError('the file is empty: its first row must name the columns');
}

function readable(error: unknown): unknown {
  const isFileError = error instanceof Error && 'syscall' in error;
  return isFileError ? new UsageError(`cannot read: ${error.message}`, { cause: error }) : error;
}

/** A total that nothing was added to yet is an empty one. */
async function readTotal(
  client: TallyClient,
  { total: name, stop: signal, onRetry }: ImportOptions,
  deadlineMs: number,
): Promise<Total> {
  try {
    const bounded = Math.min(deadlineMs, maxReadMs);
    return await client.total(name, { deadlineMs: bounded, signal, onRetry });
  } catch (error) {
    if (error instanceof TallyError && error.code === 'not-found') {
      return { name, total: '0', count: 0, version: 0, updatedAt: null };
    }
    throw error;
  }
}

function takeCounted(report: ImportReport, row: RowAddition, counted: CountedRequest, before: Total): void {
  if (counted.a !== row.a || counted.b !== row.b || counted.total !== row.total) {
    const problem = `was counted earlier with another amount: ${counted.sum} in ${counted.total}, here ${row.a}`;
    report.addBad({ line: row.line, problem });
    return;
  }
  // Both times are accumulate's: what is in a total is no later than its last change.
  report.addCounted(before.updatedAt !== null && counted.appliedAt <= before.updatedAt);
}
