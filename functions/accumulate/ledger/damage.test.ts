import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { messageOf } from '../../../lib/errors.ts';
import { makeTempDir } from '../../../test/temp-dir.ts';
import { until } from '../../../test/until.ts';
import { entry, retention, TestLedger, verifyDirectory } from './fixtures.ts';
import { generationFile } from './generation-file.ts';
import { Ledger } from './ledger.ts';
import { networkFileSystem } from './network-file-system.ts';

const events = 60;
const right = { total: '60.6', count: events };

let directory: string;

beforeEach(() => {
  directory = makeTempDir();
  fill(directory, events, '1.01');
});

function fill(at: string, count: number, amount: string): void {
  const ledger = new TestLedger(at, { ...retention, maxEvents: 25 });
  for (let n = 0; n < count; n++) ledger.apply(entry(`id-${n}`, amount));
  ledger.close();
}

async function open(at = directory, warnings: string[] = []): Promise<Ledger> {
  return Ledger.open(
    { directory: at, retention: { ...retention, maxEvents: 25 }, lockWaitMs: 1_000 },
    {
      onWarning: (message) => warnings.push(message),
      onFatal: (error) => {
        throw error;
      },
    },
  );
}

/** Opens the ledger and closes it again; gives the error or, when it opens, what it reads. */
async function outcome(at = directory): Promise<string | { total: string; count: number }> {
  let ledger: Ledger;
  try {
    ledger = await open(at);
  } catch (error) {
    return messageOf(error);
  }
  try {
    const total = ledger.total(entry('', '0').total);
    return { total: total?.total ?? '0', count: total?.count ?? 0 };
  } catch (error) {
    return messageOf(error);
  } finally {
    await ledger.close();
  }
}

const newest = (): string => generationFile(directory, 3);

describe('I5: what is wrong at start is named, and nothing is counted on it', () => {
  test('an undamaged ledger opens', async () => {
    expect(await outcome()).toEqual(right);
    expect(verifyDirectory(directory)).toEqual([]);
  });

  test.each([
    ['a truncated file', () => truncateSync(newest(), 8_192), /ledger-00000003\.db is damaged.*tally verify/],
    ['an empty file', () => truncateSync(newest(), 0), /ledger-00000003\.db is damaged: it is not a ledger/],
    [
      'a file that is something else',
      () => writeFileSync(newest(), 'x'.repeat(9_000)),
      /ledger-00000003\.db/,
    ],
    ['a missing newest file', () => rmSync(newest()), /ledger-00000003\.db is damaged: the file is missing/],
    ['a missing oldest file', () => rmSync(generationFile(directory, 1)), /ledger-00000001\.db.*missing/],
    ['a missing file in between', () => rmSync(generationFile(directory, 2)), /ledger-00000002\.db.*missing/],
    [
      'a file in the place of another',
      () => copyFileSync(generationFile(directory, 1), newest()),
      /ledger-00000003\.db is damaged: it says that it is generation 1/,
    ],
    [
      'a newer format',
      () => sql('PRAGMA user_version = 2'),
      /format 2, newer than this program's 1: start the newer/,
    ],
    [
      'a changed total',
      () => sql(`UPDATE totals SET total = '9'`),
      /the row of total "default" does not fit/,
    ],
    [
      'a deleted total',
      () => sql('DELETE FROM totals'),
      /the totals hold 0 events, the ledger ends at event 60/,
    ],
    [
      'a deleted last event',
      () => sql('DELETE FROM events WHERE seq = 60'),
      /the totals hold 60 events.*at event 59/,
    ],
    ['a deleted event', () => sql('DELETE FROM events WHERE seq = 55'), /event 55 is missing/],
    [
      'a changed event',
      () => sql(`UPDATE events SET a = '2' WHERE seq = 55`),
      /event 55 does not fit its checksum/,
    ],
    ['a deleted mark', () => sql('DELETE FROM ids WHERE seq = 55'), /event 55 has no mark/],
  ])('%s', async (_, damage, message) => {
    damage();
    expect(await outcome()).toMatch(message);
  });

  test('a ledger that is behind totals.json, as after losing its write-ahead log', async () => {
    expect(await outcome()).toEqual(right);
    writeFileSync(join(directory, 'totals.json'), JSON.stringify({ format: 1, seq: events + 1, totals: {} }));
    const lost = /ends at event 60, but .*totals\.json was written at event 61.*move .* away/;
    expect(await outcome()).toMatch(lost);
    expect(verifyDirectory(directory)).toEqual([expect.stringMatching(lost)]);
    rmSync(join(directory, 'totals.json'));
    expect(await outcome()).toEqual(right);
  });

  test('a file of another ledger', async () => {
    const other = makeTempDir();
    fill(other, events, '2');
    copyFileSync(generationFile(other, 2), generationFile(directory, 2));
    expect(await outcome()).toMatch(
      /ledger-00000002\.db is damaged: it begins after event 25, but .*ledger-00000001\.db.* not of this ledger/,
    );
  });

  test('an older copy of a file beside those that came after it', async () => {
    const mixed = makeTempDir();
    fill(mixed, 10, '1.01');
    const older = readFileSync(generationFile(mixed, 1));
    fill(mixed, events, '1.01');
    writeFileSync(generationFile(mixed, 1), older);
    expect(await outcome(mixed)).toMatch(
      /ledger-00000002\.db is damaged: it holds events, but .*ledger-00000001\.db.* is not sealed/,
    );
  });

  test('all ledger files gone is not an empty ledger', async () => {
    expect(await outcome()).toEqual(right);
    for (const n of [1, 2, 3]) rmSync(generationFile(directory, n));
    expect(await outcome()).toMatch(/ends at event 0, but .*totals\.json was written at event 60/);
  });

  test('a bit flipped anywhere is refused at start, leaves the total right, or both; never a wrong total', async () => {
    const whole = [1, 2, 3].map((n) => readFileSync(generationFile(directory, n)));
    let copies = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(7),
        async (n, at, bit) => {
          // Each its own: the thread of one that was refused may still be closing its files.
          const copy = join(directory, `copy-${copies++}`);
          mkdirSync(copy);
          for (const [index, bytes] of whole.entries()) {
            const damaged = Buffer.from(bytes);
            const offset = Math.floor(at * bytes.length);
            if (index === n) damaged[offset] = (damaged[offset] ?? 0) ^ (1 << bit);
            writeFileSync(generationFile(copy, index + 1), damaged);
          }
          const result = await outcome(copy);
          expect([right, expect.any(String)]).toContainEqual(result);
        },
      ),
      { numRuns: 80 },
    );
  });

  function sql(statement: string): void {
    const db = new DatabaseSync(newest());
    db.exec(statement);
    db.close();
  }
});

describe('tally verify finds what the bounded check at start cannot', () => {
  test.each([
    ['a changed event', `UPDATE events SET a = '2' WHERE seq = 3`, /event 3 does not fit its checksum/],
    ['a deleted event', 'DELETE FROM events WHERE seq = 3', /event 3 is missing/],
    ['a deleted mark', 'DELETE FROM ids WHERE seq = 3', /24 marks for 25 events[^]*event 3 has no mark/],
    ['a mark of no event', `INSERT INTO ids VALUES (x'00', 3)`, /26 marks for 25 events/],
    ['a changed balance', `UPDATE opening SET total = '9'`, /the row of total "default" does not fit/],
  ])('%s in an old generation', (_, statement, problem) => {
    const generation = statement.includes('opening') ? 2 : 1;
    const db = new DatabaseSync(generationFile(directory, generation));
    db.exec(statement);
    db.close();
    expect(verifyDirectory(directory).join('\n')).toMatch(problem);
  });

  test('a generation from another ledger, whole in itself, that was begun in the same millisecond', () => {
    const other = makeTempDir();
    const now = Date.now();
    for (const [at, amount] of [
      [other, '2'],
      [join(directory, 'same'), '1.01'],
    ] as const) {
      const ledger = new TestLedger(at, { ...retention, maxEvents: 25 }, now);
      for (let n = 0; n < events; n++) ledger.apply(entry(`id-${n}`, amount));
      ledger.close();
    }
    copyFileSync(generationFile(other, 2), generationFile(join(directory, 'same'), 2));
    expect(verifyDirectory(join(directory, 'same')).join('\n')).toMatch(
      /the opening balance of "default" is 50 .*make 25\.25/,
    );
  });
});

test('I5: once damage was found nothing is counted any more', async () => {
  const db = new DatabaseSync(generationFile(directory, 1));
  db.exec(`UPDATE events SET a = '7' WHERE seq = 3`);
  db.close();
  const ledger = await open();
  const isDamage = { code: 'damaged', message: expect.stringContaining('event 3 does not fit') as unknown };
  await expect(ledger.apply([entry('new', '1')])).resolves.toEqual(['applied']);
  await expect(ledger.apply([entry('id-2', '1.01')])).rejects.toMatchObject(isDamage);
  await expect(ledger.apply([entry('newer', '1')])).rejects.toMatchObject(isDamage);
  expect(ledger.problem()).toContain('event 3 does not fit');
  await ledger.close();
});

describe('totals.json', () => {
  const file = (): string => join(directory, 'totals.json');

  test.each([
    ['missing', () => rmSync(file())],
    ['garbled', () => writeFileSync(file(), '{"seq":')],
    ['empty', () => writeFileSync(file(), '')],
    ['behind', () => writeFileSync(file(), JSON.stringify({ format: 1, seq: 3, totals: {} }))],
  ])('when %s is written anew from the ledger, and said', async (_, damage) => {
    expect(await outcome()).toEqual(right);
    const written = readFileSync(file(), 'utf8');
    damage();
    const warnings: string[] = [];
    await (await open(directory, warnings)).close();
    expect(warnings).toEqual([expect.stringContaining('totals.json')]);
    expect(readFileSync(file(), 'utf8')).toBe(written);
  });

  test('follows the ledger, and is whole whenever it is read', async () => {
    const ledger = await open();
    for (let n = 0; n < 50; n++) await ledger.apply([entry(`more-${n}`, '1')]);
    await until('totals.json shows all events', () => {
      const { seq, totals } = JSON.parse(readFileSync(file(), 'utf8')) as { seq: number; totals: object };
      return seq === events + 50 && JSON.stringify(totals).includes('"total":"110.6"');
    });
    await ledger.close();
    expect(readdirSync(directory).filter((name) => name.startsWith('totals'))).toEqual(['totals.json']);
  });
});

test('I1: closing waits for what is being applied', async () => {
  const ledger = await open();
  const applying = Promise.all(Array.from({ length: 50 }, (_, n) => ledger.apply([entry(`late-${n}`, '1')])));
  await ledger.close();
  await applying;
  expect(await outcome()).toEqual({ total: '110.6', count: events + 50 });
});

describe('a volume that cannot serve', () => {
  test('a path that cannot be created is refused with its name', async () => {
    await expect(open('/dev/null/tally')).rejects.toThrow('cannot use /dev/null/tally');
  });

  test.each([
    [0x6969, 'NFS'],
    [-11_317_950, 'CIFS'],
    [0x65735546, 'FUSE'],
    [0xef53, undefined],
    [0x01021994, undefined],
  ])('a file system of type %i is %s', (type, name) => {
    expect(networkFileSystem(type)).toBe(name);
  });
});
