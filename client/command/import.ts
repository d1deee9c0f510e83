// tally import: a CSV file, each row counted once. Here is what a person sees of it; the work is in client/import.

import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

import { messageOf } from '../../lib/errors.ts';
import { parseTotalName } from '../../lib/names.ts';
import { importCsv } from '../import/importer.ts';
import { type Progress, startProgress } from '../import/progress.ts';
import { type BadRow, ImportReport } from '../import/report.ts';
import { UsageError } from '../usage-error.ts';
import { type Context, createRetryNote, type Outcome, parseArgument } from './context.ts';
import { summarize } from './import-summary.ts';
import { watchInterruption } from './interruption.ts';

export interface ImportCommandOptions {
  readonly amount: string;
  readonly id?: string;
  readonly total?: string;
  readonly delimiter: string;
  readonly name?: string;
  /** In milliseconds, as `patience`. */
  readonly wait?: number;
  readonly patience: number;
  /** Where all bad rows are written to. */
  readonly errors?: string;
}

/** After an interruption what is in flight gets this long to be answered. */
const graceMs = 5_000;

const placeWarning =
  'warning: without --id a row is known by its file name, line and content. It counts once as long as accumulate ' +
  'remembers it (DEDUPE_WINDOW, 30 days by default): importing the same file again after that counts it again. An ' +
  'edited, re-sorted or renamed file is new where it changed, and whether two identical lines are one row written ' +
  'twice nobody can tell: both count. Name a column that tells rows apart with --id if there is one.';

export async function runImport(
  context: Context,
  file: string,
  options: ImportCommandOptions,
): Promise<Outcome> {
  const total = parseArgument('--total', () => parseTotalName(options.total));
  const { input, size, name } = await openInput(file, options);
  if (options.id === undefined) context.warn(placeWarning);
  const errors = options.errors === undefined ? undefined : await openErrors(options.errors, file);
  const report = new ImportReport((row) => errors?.write(row));
  const progress: Progress | undefined = process.stderr.isTTY
    ? startProgress(process.stderr, report, size)
    : undefined;
  const say = progress === undefined ? context.warn : progress.note;
  const interruption = watchInterruption();
  const stop = new AbortController();
  interruption.signal.addEventListener('abort', () => {
    say('stopping: no further row is read; once more to end at once');
    setTimeout(() => {
      stop.abort();
    }, graceMs).unref();
  });
  try {
    const end = await importCsv(
      context.client,
      {
        ...{ input, total, file: name, amount: options.amount, id: options.id, delimiter: options.delimiter },
        ...{ patienceMs: options.patience, waitMs: options.wait },
        ...{ stopReading: interruption.signal, stop: stop.signal },
        ...{ onRetry: createRetryNote(say), onWarning: say },
      },
      report,
    );
    return summarize(report, end, {
      file,
      total,
      tally: context.tally,
      errors: options.errors,
      interrupted: interruption.exitCode,
    });
  } finally {
    interruption.dispose();
    progress?.stop();
    await errors?.close();
  }
}

interface Input {
  readonly input: Readable;
  /** In bytes; undefined when nobody knows. */
  readonly size: number | undefined;
  /** The base name, which goes into the ids of rows without an id column. */
  readonly name: string;
}

async function openInput(file: string, { id, name }: ImportCommandOptions): Promise<Input> {
  if (file === '-') {
    if (id === undefined && name === undefined) {
      throw new UsageError(
        'standard input has no name to tell rows apart by: give --id COLUMN or --name NAME',
      );
    }
    return { input: process.stdin, size: undefined, name: name ?? '-' };
  }
  let stats;
  try {
    stats = await stat(file);
  } catch (error) {
    throw new UsageError(`cannot read: ${messageOf(error)}`, { cause: error });
  }
  if (stats.isDirectory()) throw new UsageError(`cannot read: ${file} is a directory`);
  const size = stats.isFile() ? stats.size : undefined;
  return { input: createReadStream(file), size, name: name ?? basename(file) };
}

/** All bad rows as CSV, however many they are. */
async function openErrors(
  path: string,
  input: string,
): Promise<{ write(row: BadRow): void; close(): Promise<void> }> {
  if (await isSameFile(path, input)) throw new UsageError(`--errors is the file to import: ${path}`);
  const file = await open(path, 'w').catch((error: unknown) => {
    throw new UsageError(`cannot write: ${messageOf(error)}`, { cause: error });
  });
  const stream = file.createWriteStream();
  stream.write('line,problem\n');
  return {
    write({ line, problem }) {
      stream.write(`${line},"${problem.replaceAll('"', '""')}"\n`);
    },
    async close() {
      stream.end();
      await finished(stream);
    },
  };
}

/** Whether both are one file, under whatever names. */
async function isSameFile(path: string, input: string): Promise<boolean> {
  const missing = (): undefined => undefined;
  const [one, other] = await Promise.all([stat(path).catch(missing), stat(input).catch(missing)]);
  return one !== undefined && one.isFile() && one.dev === other?.dev && one.ino === other.ino;
}
