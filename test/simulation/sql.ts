// What the simulated SQLite has to know of a statement: as much of SQL as the product uses.

/** A statement. */
export interface Parsed {
  readonly kind: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'pragma' | 'create' | 'read' | 'write';
  readonly sql: string;
  /** The setting that a PRAGMA names, and what it sets it to. */
  readonly name: string;
  readonly value: string | undefined;
}

const parsed = new Map<string, readonly Parsed[]>();

/** No text of the product has a semicolon inside a statement. */
export function parse(sql: string): readonly Parsed[] {
  let statements = parsed.get(sql);
  if (statements === undefined) {
    statements = sql
      .split(';')
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .map(parseOne);
    parsed.set(sql, statements);
  }
  return statements;
}

const kinds: Readonly<Record<string, Parsed['kind']>> = {
  BEGIN: 'begin',
  COMMIT: 'commit',
  'ROLLBACK TO': 'savepoint',
  ROLLBACK: 'rollback',
  SAVEPOINT: 'savepoint',
  RELEASE: 'savepoint',
  PRAGMA: 'pragma',
  CREATE: 'create',
  SELECT: 'read',
  INSERT: 'write',
  UPDATE: 'write',
  DELETE: 'write',
};

function parseOne(sql: string): Parsed {
  const word = Object.keys(kinds).find((each) => sql.startsWith(each));
  if (word === undefined) throw new Error(`the simulated SQLite does not know ${sql}`);
  const pragma = /^PRAGMA (\w+)(?:\s*=\s*|\()?(\w+)?/.exec(sql);
  return { kind: kinds[word] ?? 'read', sql, name: pragma?.[1] ?? '', value: pragma?.[2] };
}

/** The settings and rows that come with the tables, in the same text. */
export function isPartOfSchema({ kind, name }: Parsed, all: readonly Parsed[]): boolean {
  if (kind === 'pragma') return name === 'application_id' || name === 'user_version';
  return kind === 'write' && all.some((each) => each.kind === 'create');
}
