// What the ledger takes in and gives out, and the hashes that tie an event, its mark and its total together.

import { hash } from 'node:crypto';

import type { Decimal } from '../../../lib/decimal.ts';
import type { TotalName } from '../../../lib/names.ts';

/** One event, parsed: (source, id) is its identity (I2), total, a and b its meaning (I6). */
export interface Entry {
  readonly source: string;
  readonly id: string;
  readonly total: TotalName;
  /** Operands in canonical text. */
  readonly a: string;
  readonly b: string;
  /** a + b, as data that crosses to the writing thread. */
  readonly sum: Decimal;
  /** The event's own time in Unix milliseconds; null when it carries none. */
  readonly time: number | null;
}

/** An event that was counted, as it is stored. */
export interface StoredEntry {
  readonly seq: number;
  readonly source: string;
  readonly id: string;
  readonly total: TotalName;
  readonly a: string;
  readonly b: string;
  readonly time: number | null;
  /** When it was counted, Unix milliseconds. */
  readonly appliedAt: number;
}

/** A total as it stands. */
export interface Total {
  readonly name: TotalName;
  /** Canonical decimal text. */
  readonly total: string;
  /** How many events are in it. */
  readonly count: number;
  /** The sequence number, in the whole ledger, of the last event in it: it only grows (I4). */
  readonly version: number;
  /** The latest time at which one of them was counted, Unix milliseconds: it never goes back, whatever clocks do. */
  readonly updatedAt: number;
  /** {@link hashEntry} of all its events, added up modulo 2^128: the same set gives the same sum in any order. */
  readonly setHash: bigint;
}

const setHashModulus = 1n << 128n;

export type Outcome = 'applied' | 'duplicate';

/** The 16 bytes under which an event is known. Attributes hold no control characters, so `\n` separates them. */
export function hashKey(source: string, id: string): Buffer {
  return hash('sha256', `${source}\n${id}`, 'buffer').subarray(0, 16);
}

/** 16 bytes over everything stored of an event. */
export function hashEntry(entry: StoredEntry): Buffer {
  const { seq, source, id, total, a, b, time, appliedAt } = entry;
  const text = `${seq}\n${source}\n${id}\n${total}\n${a}\n${b}\n${time ?? ''}\n${appliedAt}`;
  return hash('sha256', text, 'buffer').subarray(0, 16);
}

/** 16 bytes over a total's row. */
export function hashTotal(total: Total): Buffer {
  const { name, count, version, updatedAt, setHash } = total;
  const text = `${name}\n${total.total}\n${count}\n${version}\n${updatedAt}\n${setHash}`;
  return hash('sha256', text, 'buffer').subarray(0, 16);
}

export function addToSetHash(setHash: bigint, entryHash: Buffer): bigint {
  return (setHash + toInteger(entryHash)) % setHashModulus;
}

export function toInteger(hash16: Uint8Array): bigint {
  const view = new DataView(hash16.buffer, hash16.byteOffset, 16);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

export function fromInteger(setHash: bigint): Buffer {
  return Buffer.from(setHash.toString(16).padStart(32, '0'), 'hex');
}
