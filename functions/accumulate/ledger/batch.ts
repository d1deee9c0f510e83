// The work inside one transaction: for each event, was it seen, does it mean the same, and what are the totals then
// (I2, I3, I6). Totals are kept aside and written once, at the end.

import type { DatabaseSync, StatementSync } from 'node:sqlite';

import { addDecimals, type Decimal, formatDecimal, readCanonical, zero } from '../../../lib/decimal.ts';
import type { TotalName } from '../../../lib/names.ts';
import { addToSetHash, type Entry, hashEntry, hashKey, type Outcome, type StoredEntry } from './entry.ts';
import type { Generation } from './generation.ts';
import { toTotalRow } from './rows.ts';
import { maxAheadMs, type Retention, type Volume } from './volume.ts';

/** What came of one group of events, which is applied whole or not at all. */
export type GroupResult = { readonly outcomes: readonly Outcome[] } | GroupRefusal;

/** Why a group was refused: the event with this index can never be applied, or (`unavailable`) not yet. */
export interface GroupRefusal {
  readonly refused: 'conflict' | 'expired' | 'unavailable';
  readonly index: number;
  readonly message: string;
}

export interface Statements {
  readonly mark: StatementSync;
  readonly unmark: StatementSync;
  readonly insertEntry: StatementSync;
  readonly writeTotal: StatementSync;
  readonly countDuplicates: StatementSync;
}

export function prepareStatements(db: DatabaseSync): Statements {
  return {
    mark: db.prepare('INSERT INTO ids VALUES (?, ?) ON CONFLICT DO NOTHING'),
    unmark: db.prepare('DELETE FROM ids WHERE key = ?'),
    insertEntry: db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    writeTotal: db.prepare('INSERT OR REPLACE INTO totals VALUES (?, ?, ?, ?, ?, ?, ?)'),
    countDuplicates: db.prepare('UPDATE generation SET duplicates = duplicates + ?'),
  };
}

interface Draft {
  readonly value: Decimal;
  readonly count: number;
  readonly version: number;
  readonly updatedAt: number;
  readonly setHash: bigint;
}

class Refusal extends Error {
  readonly refused: GroupRefusal['refused'];

  constructor(refused: GroupRefusal['refused'], message: string) {
    super(message);
    this.refused = refused;
  }
}

export class Batch {
  readonly #newest: Generation;
  readonly #older: readonly Generation[];
  readonly #statements: Statements;
  readonly #now: number;
  readonly #windowMs: number;
  readonly #forgottenUntil: number;
  #drafts = new Map<TotalName, Draft>();
  #seq: number;
  #duplicates = 0;

  /**
   * @param lastSeq the ledger's last sequence number so far
   * @param now Unix milliseconds: when the events of this batch are counted
   */
  constructor(volume: Volume, statements: Statements, lastSeq: number, now: number, retention: Retention) {
    this.#newest = volume.newest;
    this.#older = volume.newestFirst.slice(1);
    this.#statements = statements;
    this.#now = now;
    this.#windowMs = retention.windowMs;
    this.#forgottenUntil = volume.forgottenUntil;
    this.#seq = lastSeq;
  }

  /** Applies all events of the group, or, when one can never be applied, none. */
  applyGroup(group: readonly Entry[]): GroupResult {
    // A single event leaves nothing behind when it is refused; only a larger group has to be undone.
    if (group.length === 1) return this.#applyEach(group);
    const before = { drafts: new Map(this.#drafts), seq: this.#seq, duplicates: this.#duplicates };
    const { db } = this.#newest;
    db.exec('SAVEPOINT applied');
    const result = this.#applyEach(group);
    if ('refused' in result) {
      db.exec('ROLLBACK TO applied');
      this.#drafts = before.drafts;
      this.#seq = before.seq;
      this.#duplicates = before.duplicates;
    }
    db.exec('RELEASE applied');
    return result;
  }

  /** Writes what was kept aside. */
  finish(): void {
    for (const [name, { value, ...rest }] of this.#drafts) {
      const total = { name, total: formatDecimal(value), ...rest };
      this.#statements.writeTotal.run(...toTotalRow(total));
    }
    if (this.#duplicates > 0) this.#statements.countDuplicates.run(this.#duplicates);
  }

  #applyEach(group: readonly Entry[]): GroupResult {
    const outcomes: Outcome[] = [];
    for (const [index, entry] of group.entries()) {
      try {
        outcomes.push(this.#apply(entry));
      } catch (error) {
        if (error instanceof Refusal) return { refused: error.refused, index, message: error.message };
        throw error;
      }
    }
    return { outcomes };
  }

  #apply(entry: Entry): Outcome {
    const key = hashKey(entry.source, entry.id);
    const seq = this.#seq + 1;
    // Setting the mark also looks whether it is there: one way down the tree instead of two.
    const isMarked = this.#statements.mark.run(key, seq).changes === 0;
    const known = isMarked ? this.#newest.find(entry.source, entry.id, key) : this.#findOlder(entry, key);
    if (known !== undefined) {
      if (!isMarked) this.#statements.unmark.run(key);
      checkSame(entry, known);
      this.#duplicates++;
      return 'duplicate';
    }
    const refusal = this.#refuseByTime(entry);
    if (refusal !== undefined) {
      this.#statements.unmark.run(key);
      throw refusal;
    }
    this.#store(entry, seq);
    return 'applied';
  }

  #findOlder(entry: Entry, key: Buffer): StoredEntry | undefined {
    for (const generation of this.#older) {
      const known = generation.find(entry.source, entry.id, key);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  #refuseByTime({ id, source, time }: Entry): Refusal | undefined {
    if (time === null) return undefined;
    const refusal = (refused: GroupRefusal['refused'], why: string): Refusal =>
      new Refusal(refused, `event ${id} of ${source} is of ${new Date(time).toISOString()}, ${why}`);
    const unknown = 'nobody can say any more whether it was counted';
    if (this.#now - time > this.#windowMs) {
      const days = this.#windowMs / 86_400_000;
      return refusal('expired', `before the deduplication window of ${days} days: ${unknown}`);
    }
    if (time <= this.#forgottenUntil) {
      return refusal('expired', `and ids of that time are deleted: ${unknown}`);
    }
    if (time - this.#now > maxAheadMs) {
      // Which of the two clocks is wrong nobody knows here; when it is this one, a later delivery finds it mended.
      return refusal('unavailable', 'more than a day ahead of this clock');
    }
    return undefined;
  }

  #store(entry: Entry, seq: number): void {
    const { source, id, total, a, b, time } = entry;
    const stored: StoredEntry = { seq, source, id, total, a, b, time, appliedAt: this.#now };
    const entryHash = hashEntry(stored);
    this.#statements.insertEntry.run(seq, source, id, total, a, b, time, this.#now, entryHash);
    const before = this.#drafts.get(total) ?? this.#readDraft(total);
    this.#drafts.set(total, {
      value: addDecimals(before.value, entry.sum),
      count: before.count + 1,
      version: seq,
      // Another process's clock may be behind: a generation is as old as the latest of these (volume.ts).
      updatedAt: Math.max(before.updatedAt, this.#now),
      setHash: addToSetHash(before.setHash, entryHash),
    });
    this.#seq = seq;
  }

  #readDraft(name: TotalName): Draft {
    const stored = this.#newest.total(name);
    if (stored === undefined) return { value: zero, count: 0, version: 0, updatedAt: 0, setHash: 0n };
    return { ...stored, value: readCanonical(stored.total) };
  }
}

/** I6: an id that comes back with other operands never changes a total. */
function checkSame(entry: Entry, known: StoredEntry): void {
  if (entry.total === known.total && entry.a === known.a && entry.b === known.b) return;
  throw new Refusal(
    'conflict',
    `event ${entry.id} of ${entry.source} was counted with other operands: ${known.a} and ${known.b} to ` +
      `"${known.total}", now ${entry.a} and ${entry.b} to "${entry.total}"`,
  );
}
