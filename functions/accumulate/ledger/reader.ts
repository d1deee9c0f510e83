// Reads over all generations, each in the newest snapshot there is: a read after an acknowledged event includes it,
// whichever process on the volume counted it, and never goes back (I4).

import type { TotalName } from '../../../lib/names.ts';
import { isFsyncFailure } from '../../../lib/sqlite.ts';
import { toLedgerError } from './damage.ts';
import type { StoredEntry, Total } from './entry.ts';
import type { Generation } from './generation.ts';
import { Volume } from './volume.ts';

/** The most totals that are remembered while nothing changes. */
const maxRemembered = 1_000;

export interface LedgerStatus {
  /** How many events were ever counted: the last sequence number. */
  readonly seq: number;
  /** How many duplicates were refused, as far back as generations are kept. */
  readonly duplicates: number;
  /** How many events are stored, and so known when they come again. */
  readonly knownIds: number;
  readonly generations: number;
  /** When the oldest kept generation was opened, Unix milliseconds. */
  readonly oldestOpenedAt: number;
  /** The size of all files of the ledger. */
  readonly bytes: number;
  /** How many totals there are. */
  readonly totals: number;
}

/** The totals that were read since a file last changed. */
interface Unchanged {
  readonly generation: Generation;
  readonly dataVersion: number;
  readonly totals: Map<TotalName, Total | undefined>;
}

export class Reader {
  readonly #volume: Volume;
  readonly #onFsyncFailure: ((error: unknown) => void) | undefined;
  #unchanged: Unchanged | undefined;

  /** @param onFsyncFailure the process has to end, since what is told might not be on disk (lib/sqlite.ts) */
  constructor(directory: string, onFsyncFailure?: (error: unknown) => void) {
    this.#volume = new Volume(directory, 'serve');
    this.#onFsyncFailure = onFsyncFailure;
  }

  /** While the volume does not change, and it is asked each time whether it has, this gives one and the same object. */
  total(name: TotalName): Total | undefined {
    const { totals } = this.#sinceChange();
    if (totals.has(name)) return totals.get(name);
    const total = this.#read((newest) => newest.total(name));
    if (totals.size < maxRemembered) totals.set(name, total);
    return total;
  }

  /** At most `limit` totals in the order of their names, from the one after `after`. */
  totals(after: string, limit: number): Total[] {
    return this.#read((newest) => [...newest.totals({ after, limit })]);
  }

  /** At most `limit` totals that events after the one numbered `seq` changed, by name, from the one after `after`. */
  changedTotals(seq: number, after: string, limit: number): Total[] {
    return this.#read((newest) => newest.changedTotals(seq, after, limit));
  }

  /** The event that was counted last; undefined before the first. */
  newestEntry(): StoredEntry | undefined {
    return this.#read(() => {
      for (const generation of this.#volume.newestFirst) {
        const newest = generation.entry(generation.lastSeq());
        if (newest !== undefined) return newest;
      }
      return undefined;
    });
  }

  find(source: string, id: string): StoredEntry | undefined {
    return this.#read(() => {
      for (const generation of this.#volume.newestFirst) {
        const found = generation.find(source, id);
        if (found !== undefined) return found;
      }
      return undefined;
    });
  }

  lastSeq(): number {
    return this.#read((newest) => newest.lastSeq());
  }

  /** At most `limit` events after the one numbered `seq`, in the order in which they were counted. */
  entriesAfter(seq: number, limit: number): StoredEntry[] {
    return this.#read((newest) => {
      const older = this.#volume.oldestFirst.slice(0, -1).filter((generation) => generation.lastSeq() > seq);
      return [...older, newest].flatMap((generation) => [...generation.entries(seq, limit)]).slice(0, limit);
    });
  }

  status(): LedgerStatus {
    return this.#read((newest) => {
      const states = this.#volume.oldestFirst.map((generation) => generation.state());
      const seq = newest.lastSeq();
      return {
        seq,
        duplicates: states.reduce((sum, { duplicates }) => sum + duplicates, 0),
        knownIds: seq - (states[0]?.openingSeq ?? 0),
        generations: states.length,
        oldestOpenedAt: states[0]?.openedAt ?? 0,
        bytes: this.#volume.oldestFirst.reduce((sum, generation) => sum + generation.bytes(), 0),
        totals: newest.countTotals(),
      };
    });
  }

  close(): void {
    this.#volume.close();
  }

  /**
   * The version is looked at before the totals are read: they may be newer than it says, never older. When the newest
   * generation is sealed, its file changes too.
   */
  #sinceChange(): Unchanged {
    const { newest } = this.#volume;
    try {
      const dataVersion = newest.dataVersion();
      if (this.#unchanged?.generation !== newest || this.#unchanged.dataVersion !== dataVersion) {
        this.#unchanged = { generation: newest, dataVersion, totals: new Map() };
      }
      return this.#unchanged;
    } catch (error) {
      throw toLedgerError(newest.file, error);
    }
  }

  #read<T>(select: (newest: Generation) => T): T {
    for (;;) {
      const { newest } = this.#volume;
      try {
        newest.db.exec('BEGIN');
        try {
          if (newest.state().sealedAt === null) return select(newest);
        } finally {
          newest.db.exec('ROLLBACK');
        }
        this.#volume.advance();
      } catch (error) {
        if (isFsyncFailure(error)) this.#onFsyncFailure?.(error);
        throw toLedgerError(newest.file, error);
      }
    }
  }
}
