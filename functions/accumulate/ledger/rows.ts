// The rows of a generation as values, each held against its checksum when it is read (I5).

import { hash } from 'node:crypto';

import type { TotalName } from '../../../lib/names.ts';
import { damaged } from './damage.ts';
import { fromInteger, hashEntry, hashTotal, type StoredEntry, toInteger, type Total } from './entry.ts';

/** What SQLite gives. */
export type Row = Record<string, null | number | bigint | string | NodeJS.NonSharedUint8Array>;

/** The generation's own row. */
export interface GenerationState {
  readonly number: number;
  readonly openedAt: number;
  /** The last sequence number before this generation; 0 in the first. */
  readonly openingSeq: number;
  /** When the next generation took over; null while this one is written. */
  readonly sealedAt: number | null;
  /** The number of the oldest generation that has to be there; those before it were deleted on purpose. */
  readonly oldest: number;
  /** How many duplicates were refused while this generation was the newest. */
  readonly duplicates: number;
}

/** 16 bytes over what identifies a generation and says whether it is followed by another. */
export function hashGeneration(state: Omit<GenerationState, 'duplicates'>): Buffer {
  const { number, openedAt, openingSeq, sealedAt, oldest } = state;
  const text = `${number}\n${openedAt}\n${openingSeq}\n${sealedAt ?? ''}\n${oldest}`;
  return hash('sha256', text, 'buffer').subarray(0, 16);
}

export function toState(row: Row | undefined, file: string): GenerationState {
  if (row === undefined) throw damaged(file, 'its own row is missing');
  const state: GenerationState = {
    number: Number(row['number']),
    openedAt: Number(row['opened_at']),
    openingSeq: Number(row['opening_seq']),
    sealedAt: row['sealed_at'] === null ? null : Number(row['sealed_at']),
    oldest: Number(row['oldest']),
    duplicates: Number(row['duplicates']),
  };
  if (!hashGeneration(state).equals(row['hash'] as Uint8Array)) {
    throw damaged(file, 'its own row does not fit its checksum');
  }
  return state;
}

export function toTotalRow(total: Total): [string, string, number, number, number, Buffer, Buffer] {
  const { name, count, version, updatedAt, setHash } = total;
  return [name, total.total, count, version, updatedAt, fromInteger(setHash), hashTotal(total)];
}

export function toTotal(row: Row, file: string): Total {
  const total: Total = {
    name: row['name'] as TotalName,
    total: row['total'] as string,
    count: Number(row['count']),
    version: Number(row['version']),
    updatedAt: Number(row['updated_at']),
    setHash: toInteger(row['set_hash'] as Uint8Array),
  };
  if (!hashTotal(total).equals(row['hash'] as Uint8Array)) {
    throw damaged(file, `the row of total "${total.name}" does not fit its checksum`);
  }
  return total;
}

export function toEntry(row: Row, file: string): StoredEntry {
  const entry: StoredEntry = {
    seq: Number(row['seq']),
    source: row['source'] as string,
    id: row['id'] as string,
    total: row['total'] as TotalName,
    a: row['a'] as string,
    b: row['b'] as string,
    time: row['time'] === null ? null : Number(row['time']),
    appliedAt: Number(row['applied_at']),
  };
  if (!hashEntry(entry).equals(row['hash'] as Uint8Array)) {
    throw damaged(file, `event ${entry.seq} does not fit its checksum`);
  }
  return entry;
}
