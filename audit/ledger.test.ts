import { copyFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { beforeEach, expect, test } from '@jest/globals';

import { entry, retention, TestLedger } from '../functions/accumulate/ledger/fixtures.ts';
import { makeTempDir } from '../test/temp-dir.ts';
import { LedgerCut } from './ledger.ts';

let directory: string;
const fileOf = (number: number): string => join(directory, `ledger-0000000${number}.db`);

function open(): TestLedger {
  return new TestLedger(directory, { ...retention, maxEvents: 4 });
}

beforeEach(() => {
  directory = makeTempDir();
  const ledger = open();
  for (let n = 1; n <= 10; n++) ledger.apply(entry(`id-${n}`, `${n}`, { total: `t${n % 2}` }));
  ledger.close();
});

/** The ids of the events in it. */
function idsOf(cut: LedgerCut): string[] {
  return [...cut.pages()].flat().map(({ id }) => id);
}

const ten = Array.from({ length: 10 }, (_, n) => `id-${n + 1}`);

test('a cut has all files’ events and the totals of one commit, whatever is counted or begun afterwards', () => {
  const ledger = open();
  const cut = LedgerCut.take(directory);
  for (let n = 11; n <= 20; n++) ledger.apply(entry(`id-${n}`, '1'));
  expect(readdirSync(directory).filter((name) => name.endsWith('.db'))).toHaveLength(5);
  expect(idsOf(cut)).toEqual(ten);
  expect(cut).toMatchObject({
    seq: 10,
    events: 10,
    opening: [],
    totals: [
      { name: 't0', total: '30', count: 5 },
      { name: 't1', total: '25', count: 5 },
    ],
  });
  cut.close();
  ledger.close();
});

test('a cut goes on while its oldest files are deleted', () => {
  const aside = makeTempDir();
  for (const n of [1, 2]) copyFileSync(fileOf(n), join(aside, `${n}`));
  const ledger = open();
  const cut = LedgerCut.take(directory);
  ledger.now += 40 * 86_400_000;
  for (let n = 11; n <= 20; n++) ledger.apply(entry(`id-${n}`, '1', { time: ledger.now }));
  expect(readdirSync(directory)).not.toContain('ledger-00000001.db');
  expect(idsOf(cut)).toEqual(ten);
  cut.close();
  const later = LedgerCut.take(directory);
  expect(later.events).toBeLessThan(20);
  expect(later.opening.map(({ name }) => name)).toEqual(['t0', 't1']);
  expect(idsOf(later)).toHaveLength(later.events);
  later.close();
  // As after a crash between writing down that they go and deleting them.
  for (const n of [1, 2]) copyFileSync(join(aside, `${n}`), fileOf(n));
  const again = LedgerCut.take(directory);
  expect([again.events, again.opening]).toEqual([later.events, later.opening]);
  again.close();
  ledger.close();
});

test.each([
  ['no ledger', () => rmSync(directory, { recursive: true }), /cannot read .*tally-test/],
  ['none in the directory', () => [1, 2, 3].forEach((n) => rmSync(fileOf(n))), /holds no ledger/],
  ['without its first file', () => rmSync(fileOf(1)), /file 1 is missing/],
  ['without a file in between', () => rmSync(fileOf(2)), /ledger-00000002\.db: .*unable to open/],
  [
    'with another file in place of one',
    () => copyFileSync(fileOf(1), fileOf(2)),
    /it is not file 2 of a ledger/,
  ],
  [
    'with a file that is none',
    () => writeFileSync(fileOf(1), 'x'.repeat(9_000)),
    /ledger-00000001\.db: .*file is not/,
  ],
  [
    'with an empty file',
    () => truncateSync(fileOf(3), 0),
    /ledger-00000003\.db: .*it is not a ledger of Tally/,
  ],
  ['of a newer format', () => sql('PRAGMA user_version = 2'), /it has format 2, known is 1/],
  [
    'whose first file begins with something',
    () => sql('INSERT INTO opening SELECT * FROM totals', 1),
    /ledger-00000001\.db: its opening balances are of 4 events in 2 totals, it begins after event 0/,
  ],
  ['with a total that is no number', () => sql("UPDATE totals SET total = '1e3'"), /"1e3" is no decimal/],
  ['with an amount that is no number', () => sql("UPDATE events SET a = 'x'"), /"x" is no decimal/],
])('I5: a ledger, %s, is refused with what is wrong', (_, damage, message) => {
  damage();
  const read = (): string[] => {
    const cut = LedgerCut.take(directory);
    try {
      return idsOf(cut);
    } finally {
      cut.close();
    }
  };
  expect(read).toThrow(message);
});

function sql(text: string, number = 3): void {
  const db = new DatabaseSync(fileOf(number));
  db.exec(text);
  db.close();
}
