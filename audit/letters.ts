// Which records of the log are in its dead letters: a letter names the partition and the offset that it came from.

import type { StoredRecord } from '../local/log/record.ts';
import { hashText } from './hash.ts';

/** What `tally dead-letters` writes down beside the letters. */
const noteType = 'dev.tally.dead-letter.note.v1';

/** Some forty bytes of memory for each letter. */
export class Letters {
  /** By partition and offset, the id: a topic that was made anew has other records at the same places. */
  readonly #origins = new Map<number, Map<number, number>>();
  #count = 0;

  /** How many letters there are. */
  get count(): number {
    return this.#count;
  }

  /** @returns where the letter's record was; undefined for what is no letter, such as a note */
  add({ headers }: Pick<StoredRecord, 'headers'>): { partition: number; offset: number } | undefined {
    // A note that was itself not delivered, from `sums`, is a letter.
    if (headers['ce_type'] === noteType && headers['ce_knativeerrordest'] === undefined) return undefined;
    const partition = toOffset(headers['ce_knativekafkapartition']);
    const offset = toOffset(headers['ce_knativekafkaoffset']);
    if (partition === undefined || offset === undefined) return undefined;
    this.#count++;
    const offsets = this.#origins.get(partition) ?? new Map<number, number>();
    this.#origins.set(partition, offsets.set(offset, hashText(headers['ce_id'] ?? '')));
    return { partition, offset };
  }

  has({ partition, offset, headers }: Pick<StoredRecord, 'partition' | 'offset' | 'headers'>): boolean {
    const id = this.#origins.get(partition)?.get(offset);
    return id !== undefined && id === hashText(headers['ce_id'] ?? '');
  }
}

function toOffset(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
