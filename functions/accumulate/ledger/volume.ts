// The directory of generations, as one process holds it: which is the newest, how the next one begins and how the
// oldest goes. Several processes may hold one volume, so the files themselves say what is so: a generation counts as
// begun when the one before it is sealed, and every reader and writer looks at the seal in each transaction (I4).

import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

import { AppError, messageOf } from '../../../lib/errors.ts';
import { damaged, toLedgerError } from './damage.ts';
import type { Total } from './entry.ts';
import { Generation } from './generation.ts';
import {
  createGeneration,
  generationFile,
  holdsEvents,
  openGeneration,
  type Opening,
  syncPath,
} from './generation-file.ts';
import { networkFileSystem } from './network-file-system.ts';
import type { GenerationState } from './rows.ts';

/** When a generation ends, and how long it is kept. */
export interface Retention {
  /** The deduplication window in milliseconds. */
  readonly windowMs: number;
  /** The most events of one generation: bounds the tree that new ids are put into at random. */
  readonly maxEvents: number;
}

/** How far ahead of this clock an event's time may be. A mark is kept for the window and this much longer. */
export const maxAheadMs = 86_400_000;

/** How files begin that are being made, or that a process left which ended while it made them. */
const asidePrefix = '.new-';

/**
 * `read` changes nothing, as for tools; `serve` reads for those who are told what is read, so that a power cut must not take
 * it; `write`, too, and creates, removes and is written to.
 */
export type VolumeMode = 'read' | 'serve' | 'write';

/** A generation holds a quarter of the window, so that at most a quarter more than the window is kept. */
const generationsPerWindow = 4;

export class Volume {
  readonly directory: string;
  readonly #mode: VolumeMode;
  /** Oldest first; the last is the newest, the others are sealed. */
  #generations: Generation[] = [];

  /**
   * Opens the volume; in mode `write` creates directory and first generation where there are none.
   * @throws AppError `damaged` when a file is missing, not a ledger, or of a newer format; `unavailable` when it can't
   * be used at all
   */
  constructor(directory: string, mode: VolumeMode, now = Date.now()) {
    this.directory = directory;
    this.#mode = mode;
    if (mode === 'write') prepare(directory, now);
    this.#generations = openGenerations(directory, mode);
  }

  get newest(): Generation {
    const newest = this.#generations.at(-1);
    if (newest === undefined) throw new AppError('unavailable', `${this.directory} is closed`);
    return newest;
  }

  /** Newest first: a duplicate is most often a recent one. */
  get newestFirst(): readonly Generation[] {
    return this.#generations.toReversed();
  }

  get oldestFirst(): readonly Generation[] {
    return this.#generations;
  }

  /**
   * The latest time, in Unix milliseconds, that an event may carry of which the mark was deleted here; -Infinity while
   * none was. Within the window of a clock that is right it never is; a clock that is behind does not know that.
   */
  get forgottenUntil(): number {
    const [oldest] = this.#generations;
    if (oldest === undefined || oldest.number === 1) return Number.NEGATIVE_INFINITY;
    return oldest.openedAt + maxAheadMs;
  }

  /** Looks at the directory again, after the newest generation was found sealed. */
  advance(): void {
    const before = this.#generations;
    // What cannot be opened just now leaves the old files in place, to be tried again.
    this.#generations = openGenerations(this.directory, this.#mode);
    for (const generation of before) generation.close();
  }

  /** Whether the newest generation has to make room, `now` being Unix milliseconds. */
  isDue(newest: GenerationState, now: number, lastSeq: number, retention: Retention): boolean {
    const { openedAt, openingSeq } = newest;
    return (
      lastSeq - openingSeq >= retention.maxEvents ||
      (lastSeq > openingSeq && now - openedAt >= retention.windowMs / generationsPerWindow)
    );
  }

  /**
   * Seals the newest generation and begins the next. The caller holds the newest one's write transaction and commits
   * it: with that commit, and not before, the next generation has begun.
   */
  seal(now: number, lastSeq: number): void {
    const { newest } = this;
    const number = newest.number + 1;
    const path = generationFile(this.directory, number);
    // A process that ended between this point and its commit left a file that never began.
    removeDatabase(path);
    for (const name of readdirSync(this.directory)) {
      if (name.startsWith(asidePrefix)) rmSync(join(this.directory, name), { force: true });
    }
    const { oldest, openedAt } = newest.state();
    // By a clock that is behind it would look old too soon to a process whose clock is right, and go with marks that
    // are still needed.
    const at = Math.max(now, newest.lastAppliedAt(), openedAt);
    publish(this.directory, path, { number, openedAt: at, openingSeq: lastSeq, oldest }, newest.totals());
    newest.seal(at);
  }

  /**
   * Deletes the generations of which nobody can need a mark any more: those sealed longer ago than the window and what
   * an event's time may be ahead. That a file is gone on purpose is written down before it goes.
   * @param now Unix milliseconds; the caller makes sure that it can be trusted
   */
  prune(now: number, retention: Retention): void {
    const isExpired = (generation: Generation): boolean => {
      const { sealedAt } = generation.state();
      return sealedAt !== null && now - sealedAt > retention.windowMs + maxAheadMs;
    };
    // Only from the oldest on: a gap would read as a missing file.
    const kept = this.#generations.findIndex((generation) => !isExpired(generation));
    const oldest = this.#generations[kept];
    if (kept <= 0 || oldest === undefined || !this.newest.setOldest(oldest.number)) return;
    removeGenerations(this.directory, this.#generations.splice(0, kept));
  }

  close(): void {
    for (const generation of this.#generations) generation.close();
    this.#generations = [];
  }
}

/**
 * Opens the generations from the oldest on, following the seals. A file is there before its predecessor's seal is
 * committed, so one that is missing after the seal was read is missing indeed.
 */
function openGenerations(directory: string, mode: VolumeMode): Generation[] {
  const [first] = listGenerations(directory);
  if (first === undefined) {
    throw new AppError('unavailable', `${directory} holds no ledger: is it the right directory?`);
  }
  const opened: Generation[] = [];
  try {
    let newest = new Generation(directory, first, 'read');
    opened.push(newest);
    while (isFollowed(directory, newest)) {
      const path = generationFile(directory, newest.number + 1);
      if (!existsSync(path)) throw damaged(path, 'the file is missing');
      const next = new Generation(directory, newest.number + 1, 'read');
      opened.push(next);
      requireNext(newest, next);
      newest = next;
    }
    const { oldest } = newest.state();
    if (first > oldest) throw damaged(generationFile(directory, oldest), 'the file is missing');
    if (mode === 'write') {
      newest.close();
      opened[opened.length - 1] = new Generation(directory, newest.number, 'write');
    }
    if (mode !== 'read') {
      settleNames(directory);
      for (const { file } of opened) settle(file);
    }
    if (mode === 'write') for (const generation of opened.slice(0, -1)) generation.pin();
    // A process ended between writing down that they go and deleting them.
    const gone = opened.splice(0, oldest - first);
    if (mode === 'write') removeGenerations(directory, gone);
    else for (const generation of gone) generation.close();
    return opened;
  } catch (error) {
    for (const generation of opened) generation.close();
    // Another process deleted the oldest ones in the meantime.
    if (listGenerations(directory)[0] !== first) return openGenerations(directory, mode);
    throw error;
  }
}

/**
 * Whether the next generation has begun, which the seal says.
 * @throws AppError `damaged` when the next one holds events and yet this one is not sealed
 */
function isFollowed(directory: string, generation: Generation): boolean {
  if (generation.state().sealedAt !== null) return true;
  const next = generationFile(directory, generation.number + 1);
  if (!holdsEvents(next)) return false;
  // Another process may have sealed this one and begun that one in the meantime.
  if (generation.state().sealedAt !== null) return true;
  const why = `it holds events, but ${generation.file}, which it follows, is not sealed: that one is an older copy`;
  throw damaged(next, why);
}

/** @throws AppError `damaged` when `next` is another ledger's file, or one of the two an older copy of itself */
function requireNext(previous: Generation, next: Generation): void {
  const [{ sealedAt }, { openedAt, openingSeq }] = [previous.state(), next.state()];
  const lastSeq = previous.lastSeq();
  if (openedAt === sealedAt && openingSeq === lastSeq) return;
  throw damaged(
    next.file,
    `it begins after event ${openingSeq}, but ${previous.file}, which it should follow, was sealed at event ${lastSeq} ` +
      'or at another time, so one of the two is not of this ledger or is an older copy',
  );
}

function prepare(directory: string, now: number): void {
  try {
    mkdirSync(directory, { recursive: true });
    const network = networkFileSystem(statfsSync(directory).type);
    if (network !== undefined) {
      throw new AppError(
        'unavailable',
        `${directory} is on ${network}, a network file system, where the locks that keep the ledger whole do not ` +
          'hold: use a block volume (ReadWriteOnce)',
      );
    }
    if (listGenerations(directory).length > 0) return;
    publish(
      directory,
      generationFile(directory, 1),
      { number: 1, openedAt: now, openingSeq: 0, oldest: 1 },
      [],
    );
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('unavailable', `cannot use ${directory}: ${messageOf(error)}`, { cause: error });
  }
}

/** Puts on disk under which names files are there: a process may have been killed between making one and its fsync. */
function settleNames(directory: string): void {
  try {
    syncPath(directory);
  } catch (error) {
    throw toLedgerError(directory, error);
  }
}

/**
 * Writes what is in a generation's write-ahead log to the file itself, and so to the disk. A process that was killed within a
 * commit, or whose fsync failed, leaves it where everybody who opens the file reads it and a power cut takes it; the last
 * commit to a generation is its seal, without which the one that follows had never begun.
 */
function settle(file: string): void {
  const log = `${file}-wal`;
  if (!existsSync(log)) return;
  const db = openGeneration(file, 'write');
  try {
    // While another process is at its own checkpoint this one is not made, and nobody is told. An fsync needs no lock.
    syncPath(log);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    throw toLedgerError(file, error);
  } finally {
    db.close();
  }
}

/** Makes a generation aside and links it into place: other processes see a whole file or none. */
function publish(directory: string, path: string, opening: Opening, totals: Iterable<Total>): void {
  const aside = join(directory, `${asidePrefix}${process.pid}-${performance.now()}`);
  try {
    createGeneration(aside, opening, totals);
    linkSync(aside, path);
    syncPath(directory);
  } catch (error) {
    // Another process may have been first to create the ledger; its file serves as well.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    removeDatabase(aside);
  }
}

/**
 * Deletes the oldest generations' files, each for good before anything else goes: if a power cut brought one back without a
 * later one that was deleted too, that one would read as missing; without its write-ahead log it might not read as sealed.
 */
function removeGenerations(directory: string, generations: readonly Generation[]): void {
  // A process that ended before its fsync may have deleted one before these.
  if (generations.length > 0) syncPath(directory);
  for (const generation of generations) {
    generation.close();
    rmSync(generation.file, { force: true });
    syncPath(directory);
    removeDatabase(generation.file);
  }
}

function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
}

/** The numbers of the generations' files, oldest first. */
function listGenerations(directory: string): number[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    throw new AppError('unavailable', `cannot read ${directory}: ${messageOf(error)}`, { cause: error });
  }
  return names
    .map((name) => /^ledger-(\d{8})\.db$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((x, y) => x - y);
}
