// The audit's own reading of a ledger's files, with its own SQL and no part of the ledger's code: what was counted up to
// one commit, while others go on counting. Events never change once they are written, so only that commit's totals and
// last number are read in one transaction; the events up to it are read in pages, and no write-ahead log has to grow for it.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { AppError, messageOf, show } from '../lib/errors.ts';
import { shortest } from './amount.ts';

export interface CountedEvent {
  readonly seq: number;
  readonly source: string;
  readonly id: string;
  readonly total: string;
  readonly a: string;
  readonly b: string;
  /** When it was counted, Unix milliseconds. */
  readonly appliedAt: number;
}

/** A total as the ledger has it written down. */
export interface StoredTotal {
  readonly name: string;
  readonly total: string;
  readonly count: number;
}

interface File {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly openingSeq: number;
  readonly openedAt: number;
}

/** "Taly", and the format, as functions/accumulate/ledger/generation-file.ts writes them. */
const applicationId = 0x54616c79;
const formatVersion = 1;
const pageEvents = 5_000;
const attempts = 10;

const selectState = 'SELECT number, opened_at, opening_seq, sealed_at, oldest FROM generation';
const selectTotals = 'SELECT name, total, count FROM totals ORDER BY name';
const selectOpening = 'SELECT name, total, count FROM opening ORDER BY name';
const selectEvents = `SELECT seq, source, id, total, a, b, applied_at AS appliedAt FROM events
  WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${pageEvents}`;

/** A ledger as it was at one commit. */
export class LedgerCut {
  /** The last event's number. */
  readonly seq: number;
  readonly totals: readonly StoredTotal[];
  /** What the oldest file that is kept began with: sums whose events are gone. */
  readonly opening: readonly StoredTotal[];
  /** When that file began, Unix milliseconds. */
  readonly openedAt: number;
  /** How many events are stored. */
  readonly events: number;
  readonly #files: readonly File[];

  private constructor(files: readonly File[], seq: number, totals: readonly StoredTotal[]) {
    const [oldest] = files as [File, ...File[]];
    this.#files = files;
    this.seq = seq;
    this.totals = totals;
    this.opening = selectOpenings(oldest);
    this.openedAt = oldest.openedAt;
    this.events = seq - oldest.openingSeq;
  }

  /**
   * The ledger in the directory as it is now, also while it is written.
   * @throws AppError `unavailable` when it can't be read
   */
  static take(directory: string): LedgerCut {
    for (let attempt = 1; ; attempt++) {
      const files: File[] = [];
      try {
        return LedgerCut.#follow(directory, files);
      } catch (error) {
        for (const { db } of files) db.close();
        // The oldest file may have been deleted, as too old, after it was listed.
        if (attempt === attempts || !(error instanceof AppError)) throw error;
      }
    }
  }

  /** Opens the files from the oldest on, up to the one that is written: the one whose row has no seal. */
  static #follow(directory: string, files: File[]): LedgerCut {
    const first = firstNumber(directory);
    for (let number = first; ; number++) {
      const path = join(directory, `ledger-${String(number).padStart(8, '0')}.db`);
      const db = open(path);
      try {
        db.exec('BEGIN');
        const state = db.prepare(selectState).get() as unknown as State | undefined;
        if (state?.number !== number) throw unreadable(path, `it is not file ${number} of a ledger`);
        const file = { db, path, openingSeq: state.opening_seq, openedAt: state.opened_at };
        files.push(file);
        if (state.sealed_at === null) {
          if (state.oldest < first) throw unreadable(directory, `file ${state.oldest} is missing`);
          // Those before are of no use to accumulate any more, and about to be deleted.
          for (const { db: gone } of files.splice(0, state.oldest - first)) gone.close();
          const last = db.prepare('SELECT max(seq) AS seq FROM events').get()?.['seq'];
          const seq = typeof last === 'number' ? last : file.openingSeq;
          return new LedgerCut(files, seq, select(file, selectTotals));
        }
      } catch (error) {
        if (files.at(-1)?.db !== db) db.close();
        throw unreadable(path, error);
      } finally {
        if (db.isOpen && db.isTransaction) db.exec('COMMIT');
      }
    }
  }

  /** The stored events in pages, in the order in which they were counted. */
  *pages(): Generator<readonly CountedEvent[]> {
    for (const { db, path, openingSeq } of this.#files) {
      const statement = db.prepare(selectEvents);
      for (let after = openingSeq; ;) {
        let page: readonly CountedEvent[];
        try {
          page = statement.all(after, this.seq) as unknown as CountedEvent[];
        } catch (error) {
          throw unreadable(path, error);
        }
        const last = page.at(-1);
        if (last === undefined) break;
        // A damaged tree can lead round in a circle.
        if (last.seq <= after) throw unreadable(path, 'its events are out of order');
        after = last.seq;
        yield page.map((event) => ({
          ...event,
          a: decimal(path, event.a),
          b: decimal(path, event.b),
        }));
      }
    }
  }

  close(): void {
    for (const { db } of this.#files) db.close();
  }
}

interface State {
  readonly number: number;
  readonly opened_at: number;
  readonly opening_seq: number;
  readonly sealed_at: number | null;
  readonly oldest: number;
}

function firstNumber(directory: string): number {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (cause) {
    throw new AppError('unavailable', `cannot read ${directory}: ${messageOf(cause)}`, { cause });
  }
  const numbers = names.map((name) => Number(/^ledger-(\d{8})\.db$/.exec(name)?.[1] ?? Number.NaN));
  const first = Math.min(...numbers.filter((number) => !Number.isNaN(number)));
  if (first !== Infinity) return first;
  throw new AppError('unavailable', `${directory} holds no ledger: is it the right directory (--data-dir)?`);
}

function open(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const [application, version] = ['application_id', 'user_version'].map((name) =>
      Number(db?.prepare(`PRAGMA ${name}`).get()?.[name]),
    );
    if (application !== applicationId) throw new Error('it is not a ledger of Tally');
    if (version !== formatVersion)
      throw new Error(`it has format ${version ?? ''}, known is ${formatVersion}`);
    return db;
  } catch (error) {
    db?.close();
    throw unreadable(path, error);
  }
}

/** @throws AppError `unavailable` when they are of more or fewer events than there were by then: of none in the first file */
function selectOpenings(file: File): StoredTotal[] {
  const opening = select(file, selectOpening);
  const events = opening.reduce((sum, { count }) => sum + count, 0);
  if (events === file.openingSeq && opening.every(({ count }) => count > 0)) return opening;
  throw unreadable(
    file.path,
    `its opening balances are of ${events} events in ${opening.length} totals, it begins after event ${file.openingSeq}`,
  );
}

function select({ db, path }: File, sql: string): StoredTotal[] {
  try {
    const rows = db.prepare(sql).all() as unknown as StoredTotal[];
    return rows.map((row) => ({ ...row, total: decimal(path, row.total) }));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function decimal(path: string, text: string): string {
  const decimal = shortest(text);
  if (decimal === undefined) throw unreadable(path, `${show(text)} is no decimal`);
  return decimal;
}

function unreadable(path: string, what: unknown): AppError {
  if (what instanceof AppError) return what;
  return new AppError(
    'unavailable',
    `cannot read the ledger: ${path}: ${messageOf(what)} (see "tally verify")`,
    {
      cause: what,
    },
  );
}
