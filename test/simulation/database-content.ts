// What is in a simulated database file: a real SQLite database in memory, with the locks of its connections and with what a
// power cut would leave of it. A commit without an fsync stays inside an outer transaction until something syncs it.

import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { world } from './world.ts';

/** What SQLite gives. */
export type Row = Record<string, null | number | bigint | string | NodeJS.NonSharedUint8Array>;

/** A connection, as the content sees it. */
export interface Connection {
  readonly path: string;
}

/** Empty databases by the text that made their tables: to make them takes longer than most runs use them. */
const spare = new Map<string, Real[]>();

/** A database in memory, with its statements. */
class Real {
  readonly db = new DatabaseSync(':memory:');
  readonly tables: readonly string[];
  readonly #statements = new Map<string, StatementSync>();

  constructor(schema: string) {
    this.db.exec(schema);
    this.tables = this.db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name));
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.db.prepare(sql)));
    return statement;
  }

  clear(): void {
    if (this.db.isTransaction) this.prepare('ROLLBACK').run();
    for (const table of this.tables) this.prepare(`DELETE FROM ${table}`).run();
  }
}

const empty = new Real('');

export class DatabaseContent {
  /** Who holds the write transaction. */
  writer: Connection | undefined;
  /** Who holds the file for itself alone. */
  owner: Connection | undefined;
  readonly connections = new Set<Connection>();
  /** Who reads in a transaction, and must see nothing that comes in the meantime: no snapshots are simulated. */
  readonly readers = new Map<Connection, number>();
  /** How many commits there were. */
  commits = 0;
  /** The write transaction has changed something. */
  isChanged = false;
  /** The write-ahead log was not there before this commit: SQLite then syncs the directory, too. */
  isLogNew = true;
  /** There is something in the write-ahead log, which belongs to the name and not to the file. */
  hasLog = false;
  /**
   * An fsync of the write-ahead log has failed: the kernel takes what it did not write for written, so that no later
   * fsync writes it. A checkpoint does, which writes it to the file.
   */
  hasFailedFsync = false;
  readonly #known = new Map<string, Row | undefined>();
  #real: Real = empty;
  #schema = '';
  #isOpen = false;
  /** The outer transaction holds commits that no fsync has made durable. */
  #isUnsynced = false;

  /** No table was made yet. */
  get isEmpty(): boolean {
    return this.#schema === '';
  }

  prepare(sql: string): StatementSync {
    return this.#real.prepare(sql);
  }

  /** The first row of a query without parameters: most of what is read is read again before anything changes. */
  first(sql: string): Row | undefined {
    if (!this.#known.has(sql)) this.#known.set(sql, this.prepare(sql).get());
    return this.#known.get(sql);
  }

  /** To be called before each change. */
  change(): void {
    this.isChanged = true;
    this.#known.clear();
  }

  /** Makes the tables. What else is in the schema is done each time. */
  create(statements: readonly string[]): void {
    const isTable = (sql: string): boolean => sql.startsWith('CREATE');
    const schema = statements.filter(isTable).join(';');
    const wasOpen = this.#isOpen;
    if (wasOpen) this.rollback();
    this.#real = spare.get(schema)?.pop() ?? new Real(schema);
    this.#schema = schema;
    if (wasOpen) this.begin();
    this.change();
    for (const sql of statements) if (!isTable(sql)) this.#real.db.exec(sql);
  }

  begin(): void {
    this.#isOpen = true;
    if (this.isEmpty) return;
    this.prepare(this.#isUnsynced ? 'SAVEPOINT commits' : 'BEGIN').run();
  }

  /** @param isSynced whether the commit is on disk when it returns */
  commit(isSynced: boolean): void {
    this.commits++;
    this.#isOpen = false;
    this.isChanged = false;
    if (this.isEmpty) return;
    if (this.#isUnsynced) this.prepare('RELEASE commits').run();
    this.#isUnsynced = true;
    this.hasLog = true;
    if (isSynced && !this.hasFailedFsync) this.sync();
  }

  rollback(): void {
    this.#known.clear();
    this.#isOpen = false;
    this.isChanged = false;
    if (this.isEmpty) return;
    if (this.#isUnsynced) {
      this.prepare('ROLLBACK TO commits').run();
      this.prepare('RELEASE commits').run();
    } else {
      this.prepare('ROLLBACK').run();
      // The tables came with this transaction.
      if (this.#schema !== '' && this.isBlank()) this.#giveBack();
    }
  }

  /** What is committed is durable. */
  sync(): void {
    this.hasFailedFsync = false;
    if (!this.#isUnsynced) return;
    this.prepare('COMMIT').run();
    this.#isUnsynced = false;
  }

  cutPower(): void {
    this.hasFailedFsync = false;
    this.connections.clear();
    this.readers.clear();
    this.owner = undefined;
    if (this.writer !== undefined) this.rollback();
    this.writer = undefined;
    if (!this.#isUnsynced) return;
    this.#isUnsynced = false;
    this.#known.clear();
    world().count('commits in doubt at a power cut');
    this.prepare(world().dice.chance(0.5) ? 'COMMIT' : 'ROLLBACK').run();
    if (this.isBlank()) this.#giveBack();
  }

  /** Ends what a connection holds. */
  release(connection: Connection): void {
    if (this.writer === connection) {
      this.rollback();
      this.writer = undefined;
    }
    if (this.owner === connection) this.owner = undefined;
    this.readers.delete(connection);
    this.connections.delete(connection);
  }

  /** Nobody needs it any more. */
  discard(): void {
    this.hasFailedFsync = false;
    if (this.isEmpty) return;
    this.#isUnsynced = false;
    this.#giveBack();
  }

  private isBlank(): boolean {
    return this.#real.tables.every(
      (table) => this.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() === undefined,
    );
  }

  #giveBack(): void {
    this.#real.clear();
    const list = spare.get(this.#schema) ?? [];
    list.push(this.#real);
    spare.set(this.#schema, list);
    this.#real = empty;
    this.#schema = '';
  }
}
