// `node:sqlite` for the product's code: connections to simulated databases, with SQLite's locks, its result codes and the
// faults of a disk. It knows what the product uses and refuses the rest.

import type { SQLInputValue } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

import { type Connection, DatabaseContent, type Row } from '../database-content.ts';
import { ProcessEnded, type SimProcess } from '../sim-process.ts';
import { isPartOfSchema, parse, type Parsed } from '../sql.ts';
import { Inode, type Volume, volumeOf } from '../volume.ts';
import { world } from '../world.ts';

/** https://sqlite.org/rescode.html */
const codes = { error: 1, busy: 5, readOnly: 8, full: 13, cannotOpen: 14, notADatabase: 26 };
const ioErrors = { read: 266, write: 778, fsync: 1_034 };

function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode, errstr: message });
}

export class DatabaseSync implements Connection {
  readonly path: string;
  readonly volume: Volume;
  readonly content: DatabaseContent;
  readonly #process: SimProcess = world().thread.process;
  readonly #isReadOnly: boolean;
  isOpen = true;
  isTransaction = false;
  #isFull = true;
  #wantsAlone = false;
  #depth = 0;
  #ownCommits = 0;

  constructor(location: string | URL, { readOnly = false }: { readonly readOnly?: boolean } = {}) {
    this.path = location instanceof URL ? fileURLToPath(location) : location;
    this.volume = volumeOf(this.path);
    this.#isReadOnly = readOnly;
    const makesFile = !readOnly && !(location instanceof URL && location.searchParams.get('mode') === 'rw');
    this.content = this.volume.perform('read', () => this.#find(makesFile));
    // Opening it makes the log's file, which only the last to close one that may write takes away.
    this.content.hasLog = true;
    this.content.connections.add(this);
    this.#process.atEnd.push(() => {
      if (this.isOpen) this.#release();
    });
  }

  exec(sql: string): void {
    const statements = parse(sql);
    const tables = statements.filter(({ kind }) => kind === 'create');
    for (const statement of statements) {
      if (statement.kind === 'create') {
        if (statement === tables[0]) this.#create(statements, tables);
      } else if (tables.length === 0 || !isPartOfSchema(statement, statements)) this.#execute(statement);
    }
  }

  prepare(sql: string): Statement {
    const [statement] = parse(sql);
    if (statement === undefined) throw new Error('no statement');
    return new Statement(this, statement);
  }

  close(): void {
    if (!this.isOpen) return;
    this.#release();
    if (!this.#process.isAlive || this.content.connections.size > 0 || this.#isReadOnly) return;
    // The last one writes the log back into the file and removes it, unless the disk fails, of which nobody is told.
    if (this.volume.fails()) return;
    if (this.#isFull) this.content.sync();
    this.content.hasLog = false;
    this.content.isLogNew = true;
  }

  /** Before any statement: whether it can be run at all. */
  check(isWrite: boolean): void {
    if (!this.#process.isAlive) throw new ProcessEnded();
    if (!this.isOpen) throw Object.assign(new Error('database is not open'), { code: 'ERR_INVALID_STATE' });
    const { owner } = this.content;
    if (owner !== undefined && owner !== this) throw sqliteError(codes.busy, 'database is locked');
    if (this.#wantsAlone) this.content.owner = this;
    if (isWrite && this.#isReadOnly)
      throw sqliteError(codes.readOnly, 'attempt to write a readonly database');
  }

  read<T>(run: () => T): T {
    this.check(false);
    return this.volume.perform('read', () => {
      if (this.volume.fails()) {
        world().count('reads that failed');
        this.#process.hasBadDisk = true;
        this.#abort();
        throw sqliteError(ioErrors.read, 'disk I/O error');
      }
      return run();
    });
  }

  write<T>(run: () => T): T {
    this.check(true);
    const isOwn = !this.isTransaction;
    if (isOwn || this.content.writer !== this) this.#lock();
    try {
      const result = this.volume.perform('read', () => {
        this.content.change();
        return run();
      });
      if (isOwn) this.#commit();
      return result;
    } catch (error) {
      if (isOwn) this.#abort();
      throw error;
    }
  }

  #find(makesFile: boolean): DatabaseContent {
    const inode = this.volume.names.get(this.path);
    if (inode?.database !== undefined) return inode.database;
    if (inode !== undefined) throw sqliteError(codes.notADatabase, 'file is not a database');
    if (!makesFile) throw sqliteError(codes.cannotOpen, 'unable to open database file');
    const made = new Inode();
    made.database = new DatabaseContent();
    this.volume.add(this.path, made);
    return made.database;
  }

  #execute(statement: Parsed): void {
    switch (statement.kind) {
      case 'begin':
        this.check(false);
        if (statement.sql === 'BEGIN') this.content.readers.set(this, world().steps);
        else this.volume.perform('read', () => this.#lock());
        this.isTransaction = true;
        return;
      case 'commit':
        this.check(false);
        if (!this.isTransaction) throw sqliteError(codes.error, 'cannot commit - no transaction is active');
        this.isTransaction = false;
        this.content.readers.delete(this);
        if (this.content.writer === this) this.#commit();
        return;
      case 'rollback':
        this.check(false);
        if (!this.isTransaction) throw sqliteError(codes.error, 'cannot rollback - no transaction is active');
        this.#abort();
        return;
      case 'savepoint':
        this.check(true);
        this.content.change();
        this.content.prepare(statement.sql).run();
        return;
      case 'pragma':
        this.pragma(statement);
        return;
      case 'create':
      case 'read':
      case 'write':
        this.write(() => this.content.prepare(statement.sql).run());
    }
  }

  /** Sets or asks a PRAGMA. */
  pragma({ sql, name, value }: Parsed): Row | undefined {
    this.check(false);
    switch (name) {
      case 'synchronous':
        if (value !== undefined) this.#isFull = value === 'FULL';
        return undefined;
      case 'locking_mode':
        this.#wantsAlone = true;
        return undefined;
      case 'wal_checkpoint':
        this.#checkpoint();
        return undefined;
      case 'application_id':
      case 'user_version':
        return this.read(() => this.content.prepare(sql).get());
      case 'data_version':
        return this.read(() => ({ data_version: this.content.commits - this.#ownCommits }));
      case 'integrity_check':
      case 'quick_check':
        return this.read(() => this.content.prepare(sql).get());
      case 'journal_mode':
      case 'wal_autocheckpoint':
      case 'busy_timeout':
      case 'cache_size':
      case 'temp_store':
      case 'journal_size_limit':
        return undefined;
      default:
        throw new Error(`the simulated SQLite does not know PRAGMA ${name}`);
    }
  }

  #create(all: readonly Parsed[], tables: readonly Parsed[]): void {
    const parts = all.filter((each) => tables.includes(each) || isPartOfSchema(each, all));
    this.write(() => {
      this.content.create(parts.map(({ sql }) => sql));
    });
  }

  #lock(): void {
    const { writer } = this.content;
    if (writer === this) return;
    if (writer !== undefined || (this.volume.isLocked && !this.#wantsAlone)) {
      world().count('locks not had');
      throw sqliteError(codes.busy, 'database is locked');
    }
    if (this.#isReadOnly) throw sqliteError(codes.readOnly, 'attempt to write a readonly database');
    this.content.writer = this;
    this.content.begin();
  }

  #commit(): void {
    const { content, volume } = this;
    this.isTransaction = false;
    volume.perform('commit', () => {
      if (!content.isChanged) {
        content.rollback();
        content.writer = undefined;
        return;
      }
      if (volume.isFull) {
        world().count('commits on a full disk');
        this.#abort();
        throw sqliteError(codes.full, 'database or disk is full');
      }
      if (volume.fails()) this.#failCommit();
      if (this.#isFull && this.#isAlone && volume.endsUnsynced()) {
        content.commit(false);
        content.writer = undefined;
        world().count('crashes before the fsync of a commit');
        world().crash('crash before the fsync of a commit');
      }
      content.commit(this.#isFull);
      this.#ownCommits++;
      content.writer = undefined;
      if (this.#isFull && content.isLogNew) volume.syncNames();
      content.isLogNew = false;
      world().note('commit', this.#depth++, () => this.path);
    });
  }

  /**
   * No other process has the file open: whoever opens it next looks in the log for what is whole there. Those who have it
   * open do not.
   */
  get #isAlone(): boolean {
    const { connections } = this.content;
    return [...connections].every((each) => each instanceof DatabaseSync && each.#process === this.#process);
  }

  #failCommit(): never {
    const { dice, profile } = world();
    if (!dice.chance(profile.fsyncShare)) {
      world().count('commits that failed');
      this.#abort();
      throw sqliteError(ioErrors.write, 'disk I/O error');
    }
    world().count('fsyncs that failed');
    this.#process.hasBadDisk = true;
    // The commit is whole in the log: the next who opens the file may find it there, in memory and on no disk.
    if (dice.chance(0.5)) {
      const isAlone = this.#isAlone;
      this.content.commit(!isAlone);
      this.content.hasFailedFsync = isAlone;
      this.content.writer = undefined;
    } else this.#abort();
    throw sqliteError(ioErrors.fsync, 'disk I/O error');
  }

  #checkpoint(): void {
    this.volume.perform('sync', () => {
      if (this.volume.fails()) {
        world().count('checkpoints that failed');
        throw sqliteError(ioErrors.write, 'disk I/O error');
      }
      if (this.#isFull) this.content.sync();
      this.content.hasLog = false;
    });
  }

  #abort(): void {
    this.isTransaction = false;
    this.content.readers.delete(this);
    if (this.content.writer !== this) return;
    this.content.rollback();
    this.content.writer = undefined;
  }

  #release(): void {
    this.isOpen = false;
    this.isTransaction = false;
    this.content.release(this);
  }
}

class Statement {
  readonly #db: DatabaseSync;
  readonly #parsed: Parsed;

  constructor(db: DatabaseSync, statement: Parsed) {
    this.#db = db;
    this.#parsed = statement;
  }

  get(...values: SQLInputValue[]): Row | undefined {
    if (this.#parsed.kind === 'pragma') return this.#db.pragma(this.#parsed);
    const { content } = this.#db;
    const { sql } = this.#parsed;
    return this.#db.read(() =>
      values.length === 0 ? content.first(sql) : content.prepare(sql).get(...values),
    );
  }

  all(...values: SQLInputValue[]): Row[] {
    if (this.#parsed.kind === 'pragma') {
      const row = this.#db.pragma(this.#parsed);
      return row === undefined ? [] : [row];
    }
    return this.#db.read(() => this.#db.content.prepare(this.#parsed.sql).all(...values));
  }

  iterate(...values: SQLInputValue[]): Iterable<Row> {
    return this.all(...values);
  }

  run(...values: SQLInputValue[]): { changes: number | bigint } {
    return this.#db.write(() => this.#db.content.prepare(this.#parsed.sql).run(...values));
  }
}
