// How many dead letters nobody is done with, kept up with each record that is stored.

import { isNote } from './note.ts';
import type { Write } from './store.ts';

export class OpenLetters {
  readonly #offsets: Set<string>;

  /** @param offsets of those that are open so far */
  constructor(offsets: Set<string>) {
    this.#offsets = offsets;
  }

  get count(): number {
    return this.#offsets.size;
  }

  /** @param offset that the record was stored at; null when it was left out */
  follow({ topic, record }: Write, offset: number | null): void {
    if (topic !== 'sums-dead-letter' || offset === null) return;
    if (isNote(record)) this.#offsets.delete(record.headers['ce_letteroffset'] ?? '');
    else this.#offsets.add(String(offset));
  }
}
