// The log's records on disk, in SQLite. What `append` returned from is on disk (I1); a crash at any instruction leaves
// whole transactions (I5); each record carries a checksum that is looked at whenever it is read. One process at a time:
// SQLite's exclusive lock is held as long as the store is open, and the system drops it with the process.
//
// It runs on the event loop's thread: a batch of 50 takes 0.6 ms with its fsync, too little to be worth a copy to another
// thread and back. While the disk stalls the probes wait with it, and so does everything else that a log could do.

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

import { AppError } from '../../lib/errors.ts';
import { noteType } from './note.ts';
import type { LogRecord, StoredRecord, Topic } from './record.ts';
import { openDatabase } from './store-file.ts';

/** The log has one partition: order means nothing to a sum, and one offset for each record is plain to read. */
const partition = 0;

/** One record to append. */
export interface Write {
  readonly topic: Topic;
  readonly record: LogRecord;
  /** For a dead letter: the offset in `sums` that is done with it. A second one for the same record is left out. */
  readonly origin?: number;
}

interface Row {
  readonly offset: number;
  readonly time_ms: number;
  readonly key: string | null;
  readonly headers: string;
  readonly value: Uint8Array | null;
  readonly crc: number;
}

interface Table {
  next: number;
  readonly insert: StatementSync;
  readonly select: StatementSync;
  readonly first: StatementSync;
}

export class Store {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #tables: Readonly<Record<Topic, Table>>;
  readonly #save: StatementSync;
  #saved: number;

  /**
   * Opens or creates the log in the file `path`.
   * @throws Error when another process has it, AppError `damaged` when it is damaged or not this program's; each says
   * what to do
   */
  constructor(path: string) {
    this.#path = path;
    this.#db = openDatabase(path);
    const { committed } = this.#db.prepare('SELECT committed FROM progress').get() as { committed: number };
    this.#saved = committed;
    this.#save = this.#db.prepare('UPDATE progress SET committed = ?');
    // Retention may have emptied `records`; it never goes past the committed offset, so offsets still go on from there.
    this.#tables = {
      sums: this.#table('records', committed),
      'sums-dead-letter': this.#table('dead_letters', 0),
    };
  }

  #table(name: string, least: number): Table {
    const { next } = this.#db.prepare(`SELECT max(offset) + 1 AS next FROM ${name}`).get() as {
      next: number | null;
    };
    return {
      next: Math.max(next ?? 0, least),
      insert: this.#db.prepare(
        `INSERT INTO ${name} (offset, time_ms, key, headers, value, crc, origin) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (origin) DO NOTHING`,
      ),
      select: this.#db.prepare(`SELECT * FROM ${name} WHERE offset >= ? ORDER BY offset LIMIT ?`),
      first: this.#db.prepare(`SELECT min(offset) AS first FROM ${name}`),
    };
  }

  /**
   * Stores all of them in one transaction, on disk when it returns, and gives their offsets, null for one that was
   * left out. When it throws (a full disk) none is stored, and a later call may succeed.
   */
  append(writes: readonly Write[]): (number | null)[] {
    const { sums, 'sums-dead-letter': deadLetters } = this.#tables;
    const before = { sums: sums.next, deadLetters: deadLetters.next };
    const now = Date.now();
    try {
      return this.#transaction(() =>
        writes.map(({ topic, record: { key, headers, value }, origin }) => {
          const table = this.#tables[topic];
          const text = JSON.stringify(headers);
          const { changes } = table.insert.run(
            table.next,
            now,
            key,
            text,
            value,
            checksum(key, text, value),
            origin ?? null,
          );
          return changes === 0 ? null : table.next++;
        }),
      );
    } catch (error) {
      sums.next = before.sums;
      deadLetters.next = before.deadLetters;
      throw error;
    }
  }

  /**
   * The records from an offset on, in order.
   * @throws AppError `damaged` when one is not what was written
   */
  read(topic: Topic, from: number, limit: number): StoredRecord[] {
    const rows = this.#tables[topic].select.all(from, limit) as unknown as Row[];
    return rows.map(({ offset, time_ms: timeMs, key, headers, value, crc }) => {
      if (checksum(key, headers, value) !== crc) {
        throw new AppError(
          'damaged',
          `${this.#path}: the record at offset ${offset} of ${topic} is damaged: put the file back from a backup, or ` +
            'move it aside to begin an empty log',
        );
      }
      return {
        partition,
        offset,
        timeMs,
        key,
        headers: JSON.parse(headers) as Record<string, string>,
        value,
      };
    });
  }

  /** The offset the next record will get. */
  next(topic: Topic): number {
    return this.#tables[topic].next;
  }

  /** The oldest record's offset; that of the next one when there is none. */
  first(topic: Topic): number {
    const table = this.#tables[topic];
    return (table.first.get() as { first: number | null }).first ?? table.next;
  }

  /** Where delivery begins after a restart. */
  get savedOffset(): number {
    return this.#saved;
  }

  saveOffset(committed: number): void {
    if (committed === this.#saved) return;
    this.#save.run(committed);
    this.#saved = committed;
  }

  /** The offsets of undelivered records that already have their dead letter. */
  deadLettered(): Set<number> {
    const rows = this.#db.prepare('SELECT origin FROM dead_letters WHERE origin >= ?').all(this.#saved);
    return new Set(rows.map(({ origin }) => origin as number));
  }

  /** The offsets of the dead letters that no note says to be done with. */
  openLetters(): Set<string> {
    // As `isNote` has it (note.ts), found in the text of the headers: JSON.parse of each would be a tenth of the speed.
    const isNote = `(instr(headers, '"ce_type":"${noteType}"') > 0 AND instr(headers, '"ce_knativeerrordest":') = 0)`;
    const rows = this.#db
      .prepare(
        `SELECT CAST(offset AS TEXT) AS offset FROM dead_letters WHERE NOT ${isNote}
         EXCEPT SELECT headers ->> '$.ce_letteroffset' FROM dead_letters WHERE ${isNote}`,
      )
      .all();
    return new Set(rows.map(({ offset }) => offset as string));
  }

  /**
   * Removes the oldest delivered records that were stored before a time, at most `limit` of them.
   * @returns how many were removed
   */
  removeOld(beforeMs: number, limit: number): number {
    const oldest = this.#db
      .prepare('SELECT offset, time_ms FROM records WHERE offset < ? ORDER BY offset LIMIT ?')
      .all(this.#saved, limit) as unknown as Pick<Row, 'offset' | 'time_ms'>[];
    // A prefix, so that offsets stay without gaps even where the clock went back.
    const kept = oldest.findIndex(({ time_ms: timeMs }) => timeMs >= beforeMs);
    const removed = kept === -1 ? oldest.length : kept;
    const last = oldest[removed - 1];
    if (last !== undefined) this.#db.prepare('DELETE FROM records WHERE offset <= ?').run(last.offset);
    return removed;
  }

  close(): void {
    this.#db.close();
  }

  #transaction<T>(run: () => T): T {
    this.#db.exec('BEGIN');
    try {
      const result = run();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has ended the transaction itself after some errors.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

function checksum(key: string | null, headers: string, value: Uint8Array | null): number {
  const crc = crc32(headers, key === null ? 0 : crc32(key));
  return value === null ? crc : crc32(value, crc);
}
