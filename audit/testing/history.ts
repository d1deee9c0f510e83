// What a log holds and what a ledger has counted of it, made side by side so that a test can let the two differ. The
// ledger is made by its own writer, whatever is planted in it: `tally verify` finds nothing wrong with it.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { type Entry, hashTotal } from '../../functions/accumulate/ledger/entry.ts';
import { entry, retention, TestLedger, verifyDirectory } from '../../functions/accumulate/ledger/fixtures.ts';
import { toTotal, toTotalRow } from '../../functions/accumulate/ledger/rows.ts';
import { formatDecimal } from '../../lib/decimal.ts';
import { eventType } from '../../lib/event.ts';
import type { TotalName } from '../../lib/names.ts';
import { deadLetterOf } from '../../local/log/dead-letter.ts';
import type { LogRecord, StoredRecord } from '../../local/log/record.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { Amount } from '../amount.ts';
import { type Audit, audit, type AuditOptions } from '../audit.ts';
import { MemoryLog } from './memory-log.ts';

export interface EventOptions {
  readonly total?: string;
  readonly source?: string;
  readonly b?: string;
}

export function event(id: string, a: string, { total, source, b }: EventOptions = {}): Entry {
  const made = entry(id, a, { ...(total !== undefined && { total }), ...(b !== undefined && { b }) });
  return source === undefined ? made : { ...made, source };
}

/** As a sink writes it. */
export function recordOf({ source, id, total, a, b, sum }: Entry): LogRecord {
  return {
    key: id,
    headers: {
      ...{ ce_specversion: '1.0', ce_id: id, ce_source: source, ce_type: eventType, ce_subject: total },
      'content-type': 'application/json',
    },
    value: Buffer.from(JSON.stringify({ a, b, sum: formatDecimal(sum) })),
  };
}

export class History {
  readonly log: MemoryLog;
  readonly counted: Entry[] = [];
  /** When it was counted, of what was not counted just now. */
  readonly #times = new Map<Entry, number>();
  /** Small, so that there are several files. */
  readonly maxEvents: number;
  #directory: string | undefined;

  constructor({ partitions = 1, maxEvents = 10 }: { partitions?: number; maxEvents?: number } = {}) {
    this.log = new MemoryLog(partitions);
    this.maxEvents = maxEvents;
  }

  record(made: Entry | LogRecord, options: { partition?: number; timeMs?: number } = {}): StoredRecord {
    return this.log.store('sums', 'value' in made ? made : recordOf(made), options);
  }

  bury(record: StoredRecord): void {
    const letter = deadLetterOf(record, 'http://accumulate/', { kind: 'failed', reason: 'away' });
    this.log.store('sums-dead-letter', letter);
  }

  count(...entries: Entry[]): void {
    this.counted.push(...entries);
  }

  countAt(timeMs: number, made: Entry): void {
    this.#times.set(made, timeMs);
    this.count(made);
  }

  /** Records, and counts a minute later. */
  addAt(timeMs: number, made: Entry): void {
    this.record(made, { timeMs });
    this.countAt(timeMs + 60_000, made);
  }

  /** Whether the log is done with a record of the event, so that it has to be counted. */
  isDone(made: Entry): boolean {
    return this.log.isDone(made.id);
  }

  /** Records and counts. */
  add(id: string, a: string, options: EventOptions = {}): StoredRecord {
    const made = event(id, a, options);
    this.count(made);
    return this.record(made);
  }

  /** The ledger of what was counted, made at the first call. */
  get directory(): string {
    return (this.#directory ??= this.#makeLedger());
  }

  /** What `tally verify` says of the ledger. */
  problems(): readonly string[] {
    return verifyDirectory(this.directory);
  }

  /** Changes a total's row in the newest file, with the checksum that goes with it. */
  moveTotal(name: string, total: string): void {
    const path = join(this.directory, readdirSync(this.directory).filter(isLedger).sort().at(-1) ?? '');
    const db = new DatabaseSync(path);
    const row = db.prepare('SELECT * FROM totals WHERE name = ?').get(name) ?? {};
    const moved = { ...toTotal(row, path), total };
    const statement = db.prepare('UPDATE totals SET total = ?, hash = ? WHERE name = ?');
    statement.run(total, hashTotal(moved), name);
    db.close();
  }

  /** Adds to a total and says that the ledger, of one file, began with that, as rows that fit their checksums. */
  plantOpening(name: string, amount: string): void {
    const path = join(this.directory, 'ledger-00000001.db');
    const db = new DatabaseSync(path);
    const none = { name: name as TotalName, total: '0', count: 0, version: 0, updatedAt: 0, setHash: 0n };
    for (const table of ['opening', 'totals']) {
      const row = db.prepare(`SELECT * FROM ${table} WHERE name = ?`).get(name);
      const before = row === undefined ? none : toTotal(row, path);
      const planted = { ...before, total: Amount.of(before.total, amount).toString() };
      db.prepare(`INSERT OR REPLACE INTO ${table} VALUES (?, ?, ?, ?, ?, ?, ?)`).run(...toTotalRow(planted));
    }
    db.close();
  }

  audit(options: AuditOptions = {}): Promise<Audit> {
    return audit(this.log, this.directory, options);
  }

  #makeLedger(): string {
    const timeOf = (single: Entry | undefined): number => (single && this.#times.get(single)) ?? Date.now();
    // It begins no later than the first event: a file is never sealed before it was begun.
    const ledger = new TestLedger(
      makeTempDir(),
      { ...retention, maxEvents: this.maxEvents },
      timeOf(this.counted[0]),
    );
    const outcomes = this.counted.map((single) => {
      ledger.now = timeOf(single);
      return ledger.apply(single)[0];
    });
    ledger.close();
    if (outcomes.some((outcome) => outcome !== 'applied')) throw new Error('counted twice by mistake');
    return ledger.directory;
  }
}

function isLedger(name: string): boolean {
  return /^ledger-\d{8}\.db$/.test(name);
}
