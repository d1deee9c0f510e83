// Which ids a file had already, and with which amount: 28 bytes a slot in typed arrays, where a Map of strings would
// take six times as much and end at 16 million. 256 small tables rather than one, so that none takes long to grow.

import { hash } from 'node:crypto';

export interface Repeat {
  readonly firstLine: number;
  readonly sameAmount: boolean;
}

/** A slot: the id (4 words), a hash of the amount (2), the line (1; 0 is an empty slot). */
const slotWords = 7;
const lineWord = 6;

export class RepeatIndex {
  readonly #tables = Array.from({ length: 256 }, () => new Table());
  readonly #maxIds: number;
  #size = 0;

  /** @param maxIds beyond so many ids no new one is remembered */
  constructor(maxIds = 20_000_000) {
    this.#maxIds = maxIds;
  }

  /** Whether ids are no longer all remembered. */
  get isFull(): boolean {
    return this.#size >= this.#maxIds;
  }

  /** Remembers the id unless it is known; then tells where it came first. */
  add(id: Uint8Array, amount: string, line: number): Repeat | undefined {
    const table = this.#tables[id[0] ?? 0] as Table;
    const words = new Uint32Array(slotWords);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(id);
    bytes.set(hash('sha1', amount, 'buffer').subarray(0, 8), 16);
    words[lineWord] = line;
    const known = table.find(words);
    if (known !== undefined) {
      const sameAmount = known[4] === words[4] && known[5] === words[5];
      return { firstLine: known[lineWord] ?? 0, sameAmount };
    }
    if (!this.isFull) {
      this.#size++;
      table.insert(words);
    }
    return undefined;
  }
}

/** Open addressing with linear probing, at most three quarters full. The ids are hashes already. */
class Table {
  #slots = new Uint32Array(16 * slotWords);
  #size = 0;

  find(words: Uint32Array): Uint32Array | undefined {
    const slot = this.#probe(words);
    return slot[lineWord] === 0 ? undefined : slot;
  }

  insert(words: Uint32Array): void {
    if (++this.#size * 4 > (this.#slots.length / slotWords) * 3) this.#grow();
    this.#probe(words).set(words);
  }

  /** The slot of this id, or the empty one where it belongs. */
  #probe(words: Uint32Array): Uint32Array {
    const capacity = this.#slots.length / slotWords;
    let index = (words[3] ?? 0) % capacity;
    for (;;) {
      const slot = this.#slots.subarray(index * slotWords, (index + 1) * slotWords);
      if (slot[lineWord] === 0 || [0, 1, 2, 3].every((word) => slot[word] === words[word])) return slot;
      index = (index + 1) % capacity;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += slotWords) {
      const words = old.subarray(at, at + slotWords);
      if (words[lineWord] !== 0) this.#probe(words).set(words);
    }
  }
}
