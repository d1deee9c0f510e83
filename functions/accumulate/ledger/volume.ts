// The directory of generations, as one process holds it: which is the newest, how the next one begins and how the
// oldest goes. Several processes may hold one volume, so the files themselves say what is so: a generation counts as
// begun when the one before it is sealed, and every reader and writer looks at the seal in each transaction (I4).

import { linkSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

import { AppError, messageOf } from '../../../lib/errors.ts';
import { damaged } from './damage.ts';
import type { Total } from './entry.ts';
import { Generation } from './generation.ts';
import { createGeneration, generationFile, syncPath } from './generation-file.ts';
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

/** A generation holds a quarter of the window, so that at most a quarter more than the window is kept. */
const generationsPerWindow = 4;

export class Volume {
  readonly directory: string;
  readonly #mode: 'read' | 'write';
  /** Oldest first; the last is the newest, the others are sealed. */
  #generations: Generation[] = [];

  /**
   * Opens the volume; in mode `write` creates directory and first generation where there are none.
   * @throws AppError `damaged` when a file is missing, not a ledger, or of a newer format; `unavailable` when it can't
   * be used at all
   */
  constructor(directory: string, mode: 'read' | 'write', now = Date.now()) {
    this.directory = directory;
    this.#mode = mode;
    if (mode === 'write') prepare(directory, now);
    this.#open();
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

  /** Looks at the directory again, after the newest generation was found sealed. */
  advance(): void {
    this.close();
    this.#open();
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
    publish(this.directory, path, { number, openedAt: now, openingSeq: lastSeq }, newest.totals());
    newest.seal(now);
  }

  /**
   * Deletes the generations of which nobody can need a mark any more. Two clocks have to agree on that, this one and
   * the one that stamped the newest event, so that a clock that jumped ahead deletes nothing.
   */
  prune(now: number, newestEventTime: number, retention: Retention): void {
    const agreed = Math.min(now, newestEventTime);
    const isExpired = (generation: Generation): boolean => {
      const { sealedAt } = generation.state();
      return sealedAt !== null && agreed - sealedAt > retention.windowMs + maxAheadMs;
    };
    // Only from the oldest on: a gap would read as a missing file.
    for (let oldest = this.#generations[0]; oldest !== undefined && isExpired(oldest);) {
      oldest.close();
      removeDatabase(oldest.file);
      this.#generations.shift();
      oldest = this.#generations[0];
    }
  }

  close(): void {
    for (const generation of this.#generations) generation.close();
    this.#generations = [];
  }

  #open(): void {
    const numbers = listGenerations(this.directory);
    const opened: Generation[] = [];
    try {
      for (const [index, number] of numbers.entries()) {
        const previous = opened.at(-1);
        if (previous !== undefined && previous.state().sealedAt === null) break;
        if (previous !== undefined && number !== previous.number + 1) {
          throw damaged(generationFile(this.directory, previous.number + 1), 'the file is missing');
        }
        const isLast = index === numbers.length - 1;
        opened.push(new Generation(this.directory, number, isLast ? this.#mode : 'read'));
      }
      const newest = opened.at(-1);
      if (newest === undefined) {
        throw new AppError('unavailable', `${this.directory} holds no ledger: is it the right directory?`);
      }
      if (newest.state().sealedAt !== null) {
        throw damaged(generationFile(this.directory, newest.number + 1), 'the file is missing');
      }
      if (this.#mode === 'write' && newest.number !== numbers.at(-1)) {
        // The next one's file is there but has not begun: this one is still written.
        newest.close();
        opened[opened.length - 1] = new Generation(this.directory, newest.number, 'write');
      }
    } catch (error) {
      for (const generation of opened) generation.close();
      // Another process deleted the oldest ones between the listing and the opening.
      const [oldest] = listGenerations(this.directory);
      if (oldest !== undefined && oldest !== numbers[0]) {
        this.#open();
        return;
      }
      throw error;
    }
    this.#generations = opened;
  }
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
    publish(directory, generationFile(directory, 1), { number: 1, openedAt: now, openingSeq: 0 }, []);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('unavailable', `cannot use ${directory}: ${messageOf(error)}`, { cause: error });
  }
}

/** Makes a generation aside and links it into place: other processes see a whole file or none. */
function publish(
  directory: string,
  path: string,
  opening: Pick<GenerationState, 'number' | 'openedAt' | 'openingSeq'>,
  totals: Iterable<Total>,
): void {
  const aside = join(directory, `.new-${process.pid}-${performance.now()}`);
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
