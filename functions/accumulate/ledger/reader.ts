// Reads over all generations, each in the newest snapshot there is: a read after an acknowledged event includes it,
// whichever process on the volume counted it, and never goes back (I4).

import type { TotalName } from '../../../lib/names.ts';
import { toLedgerError } from './damage.ts';
import type { StoredEntry, Total } from './entry.ts';
import type { Generation } from './generation.ts';
import { Volume } from './volume.ts';

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

export class Reader {
  readonly #volume: Volume;

  constructor(directory: string) {
    this.#volume = new Volume(directory, 'read');
  }

  total(name: TotalName): Total | undefined {
    return this.#read((newest) => newest.total(name));
  }

  /** At most `limit` totals in the order of their names, from the one after `after`. */
  totals(after: string, limit: number): Total[] {
    return this.#read((newest) => [...newest.totals({ after, limit })]);
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
        throw toLedgerError(newest.file, error);
      }
    }
  }
}
