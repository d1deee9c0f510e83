// Redriving: the event goes to `sums` again as it was, with its id, and then a note to the letters. Cut off between the
// two, the next redrive appends it once more, which is a duplicate where it counted (I2); never is a letter done with
// whose event is not in the log (I1).

import { AppError, messageOf, toAppError } from '../lib/errors.ts';
import type { LogAccess, ReadRange } from '../local/access/log-access.ts';
import { noteRecord } from '../local/log/note.ts';
import type { LogRecord } from '../local/log/record.ts';
import { formatPlace, type Letter, originalOf } from './letter.ts';

/** Letters whose events are appended at one time, and whose notes follow together. */
const atOnce = 100;
const maxListed = 100;

export interface RedriveOptions {
  readonly reason?: string | undefined;
  /** Ends it after the letters that are being redriven. */
  readonly signal?: AbortSignal;
  /** Is told which letters are done with, whenever some are. */
  readonly onRedriven?: (letters: readonly Letter[]) => void;
}

export interface RedriveReport {
  readonly redriven: number;
  /** Letters that cannot be redriven, which stay open. */
  readonly failed: number;
  /** The first of these. */
  readonly failures: readonly { readonly letter: string; readonly id: string; readonly problem: string }[];
  /** Why it ended early: what was under way may have been stored or not (I7). */
  readonly error: AppError | undefined;
}

export async function redrive(
  log: LogAccess,
  pages: AsyncIterable<readonly Letter[]>,
  { reason, signal, onRedriven }: RedriveOptions = {},
): Promise<RedriveReport> {
  const report = {
    redriven: 0,
    failed: 0,
    failures: [] as { letter: string; id: string; problem: string }[],
  };
  const fail = (letter: Letter, error: unknown): void => {
    report.failed++;
    if (report.failures.length === maxListed) return;
    report.failures.push({ letter: formatPlace(letter), id: letter.id, problem: messageOf(error) });
  };
  try {
    for await (const page of pages) {
      for (let begin = 0; begin < page.length; begin += atOnce) {
        if (signal?.aborted === true) return { ...report, error: undefined };
        const { done, failed, error } = await append(log, page.slice(begin, begin + atOnce));
        for (const { letter, problem } of failed) fail(letter, problem);
        const notes = await appendAll(done, (letter) =>
          log.append(
            'sums-dead-letter',
            noteRecord({ letter, action: 'redriven', atMs: Date.now(), reason }),
          ),
        );
        for (const { letter, problem } of notes.failed) fail(letter, unnoted(problem));
        report.redriven += notes.done.length;
        onRedriven?.(notes.done);
        const stop = error ?? notes.error;
        if (stop !== undefined) throw stop;
      }
    }
  } catch (error) {
    return { ...report, error: toAppError(error) };
  }
  return { ...report, error: undefined };
}

interface Appended {
  readonly done: readonly Letter[];
  readonly failed: readonly { readonly letter: Letter; readonly problem: AppError }[];
  /** What would stop any other letter too. */
  readonly error: AppError | undefined;
}

/** Appends the events of some letters; when it resolves, those of `done` are durable. */
async function append(log: LogAccess, letters: readonly Letter[]): Promise<Appended> {
  const originals = await findOriginals(log, letters);
  return appendAll(letters, async (letter) => {
    const original = originals.get(letter);
    if (original === undefined) throw lost(letter);
    checkEvent(original);
    await log.append('sums', original);
  });
}

/** Appends something for each of the letters; a refusal of one keeps none of the others from it. */
async function appendAll(
  letters: readonly Letter[],
  appendFor: (letter: Letter) => Promise<void>,
): Promise<Appended> {
  const outcomes = await Promise.all(
    letters.map(async (letter) => {
      try {
        await appendFor(letter);
        return { letter, problem: undefined };
      } catch (error) {
        return { letter, problem: toAppError(error) };
      }
    }),
  );
  const failed = outcomes.flatMap(({ letter, problem }) =>
    problem === undefined ? [] : [{ letter, problem }],
  );
  return {
    done: outcomes.filter(({ problem }) => problem === undefined).map(({ letter }) => letter),
    failed: failed.filter(({ problem }) => !problem.retryable),
    error: failed.find(({ problem }) => problem.retryable)?.problem,
  };
}

/** The records to append; data that was too large for its letter is looked for where it came from. */
async function findOriginals(
  log: LogAccess,
  letters: readonly Letter[],
): Promise<ReadonlyMap<Letter, LogRecord>> {
  const originals = new Map<Letter, LogRecord>();
  const withoutData: Letter[] = [];
  for (const letter of letters) {
    if (letter.record.value === null) withoutData.push(letter);
    else originals.set(letter, originalOf(letter));
  }
  for await (const page of log.read('sums', await originsOf(log, withoutData))) {
    for (const record of page) {
      const place = formatPlace(record);
      for (const letter of withoutData) {
        // A topic that was made anew may have another event there.
        const isOrigin = letter.origin !== undefined && formatPlace(letter.origin) === place;
        if (isOrigin && letter.id === record.headers['ce_id']) originals.set(letter, originalOf({ record }));
      }
    }
  }
  return originals;
}

/** Where the letters came from, as far as the log still has it. */
async function originsOf(log: LogAccess, letters: readonly Letter[]): Promise<ReadRange[]> {
  if (letters.length === 0) return [];
  const kept = new Map((await log.partitions('sums')).map((range) => [range.partition, range]));
  const origins = letters.flatMap(({ origin }) => (origin === undefined ? [] : [origin]));
  return [...new Map(origins.map((origin) => [formatPlace(origin), origin])).values()]
    .filter(({ partition, offset }) => {
      const { firstOffset = 0, nextOffset = 0 } = kept.get(partition) ?? {};
      return offset >= firstOffset && offset < nextOffset;
    })
    .map(({ partition, offset }) => ({ partition, from: offset, to: offset + 1 }));
}

function lost({ origin }: Letter): AppError {
  const where = origin === undefined ? '' : `, at ${formatPlace(origin)}`;
  return new AppError(
    'invalid',
    `its data was too large for the dead letters, and sums no longer has it${where}: its sender has to send it anew`,
  );
}

function unnoted(problem: AppError): AppError {
  return new AppError(
    problem.code,
    `its event is in the log again, but the note of that was refused, so the letter stays open: ${problem.message}`,
    { cause: problem },
  );
}

/**
 * A record that claims to be a structured event or a batch and was none of that gets a new id whenever it is read.
 * @throws AppError `invalid`
 */
function checkEvent({ headers }: LogRecord): void {
  if (!/^application\/cloudevents/i.test(headers['content-type'] ?? '')) return;
  throw new AppError(
    'invalid',
    'it is no CloudEvent, whatever delivers it: its sender has to mend it, discard it',
  );
}
