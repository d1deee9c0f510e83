// The dead letters of a log as they are at one moment: what comes in later, such as the letters of what is redriven, is
// not seen. The letters are read from the log whenever they are asked for; only the notes are kept in memory.

import type { LogAccess, ReadRange } from '../local/access/log-access.ts';
import { isNote, type Note, readNote } from '../local/log/note.ts';
import { formatPlace, type Letter, readLetter } from './letter.ts';

const topic = 'sums-dead-letter';

export class LetterBox {
  readonly #log: LogAccess;
  readonly #ranges: readonly ReadRange[];
  readonly #notes: ReadonlyMap<string, readonly Note[]>;

  private constructor(
    log: LogAccess,
    ranges: readonly ReadRange[],
    notes: ReadonlyMap<string, readonly Note[]>,
  ) {
    this.#log = log;
    this.#ranges = ranges;
    this.#notes = notes;
  }

  static async open(log: LogAccess): Promise<LetterBox> {
    const ranges = (await log.partitions(topic)).map(({ partition, firstOffset, nextOffset }) => ({
      ...{ partition, from: firstOffset, to: nextOffset },
    }));
    const notes = new Map<string, Note[]>();
    for await (const page of log.read(topic, ranges)) {
      for (const record of page) {
        const note = readNote(record);
        if (note === undefined) continue;
        const place = formatPlace(note.letter);
        const known = notes.get(place);
        if (known === undefined) notes.set(place, [note]);
        else known.push(note);
      }
    }
    return new LetterBox(log, ranges, notes);
  }

  /** What was done with a letter, oldest first. */
  notesOn(letter: Letter): readonly Note[] {
    return (this.#notes.get(formatPlace(letter)) ?? [])
      .filter(({ letter: { id } }) => id === letter.id)
      .toSorted((x, y) => x.atMs - y.atMs);
  }

  isOpen(letter: Letter): boolean {
    return this.notesOn(letter).length === 0;
  }

  /** All letters, in pages; those of each partition in order. */
  async *letters(): AsyncGenerator<readonly Letter[]> {
    for await (const page of this.#log.read(topic, this.#ranges)) {
      yield page.filter((record) => !isNote(record)).map(readLetter);
    }
  }
}
