import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { makeTempDir } from '../../../test/temp-dir.ts';
import { day, entry, retention, TestLedger } from './fixtures.ts';
import { createGeneration, generationFile } from './generation-file.ts';
import { Reader } from './reader.ts';

let directory: string;
let ledger: TestLedger;
const opened: TestLedger[] = [];

function open(options = retention): TestLedger {
  const one = new TestLedger(directory, options);
  opened.push(one);
  return one;
}

beforeEach(() => {
  directory = makeTempDir();
  ledger = open();
});

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

describe('a batch', () => {
  test('I2: an event that comes twice, in one batch or in two, counts once', () => {
    expect(ledger.apply(entry('x', '1'), entry('y', '2'), entry('x', '1'))).toEqual([
      'applied',
      'applied',
      'duplicate',
    ]);
    expect(ledger.apply(entry('y', '2'))).toEqual(['duplicate']);
    expect(ledger.read()).toEqual({ total: '3', count: 2 });
    expect(ledger.volume.newest.state().duplicates).toBe(2);
  });

  test('the same id of another source is another event', () => {
    expect(ledger.apply(entry('x', '1'), { ...entry('x', '1'), source: '/other' })).toEqual([
      'applied',
      'applied',
    ]);
  });

  test.each([
    ['another operand', entry('x', '2')],
    ['swapped operands', { ...entry('x', '0', { b: '1' }) }],
    ['another total', entry('x', '1', { total: 'sales' })],
  ])('I6: an id that comes back with %s changes nothing and is a conflict', (_, other) => {
    expect(ledger.apply(entry('x', '1'))).toEqual(['applied']);
    expect(ledger.apply(other)).toEqual(['conflict']);
    expect(ledger.read()).toEqual({ total: '1', count: 1 });
    expect(ledger.read('sales')).toBeUndefined();
  });

  test('I6: the same number written another way is the same operand', () => {
    expect(ledger.apply(entry('x', '1.50'), entry('x', '001.5'))).toEqual(['applied', 'duplicate']);
  });

  test('a group is applied whole or not at all, and the groups beside it are unharmed', () => {
    ledger.apply(entry('known', '1'));
    const results = ledger.writer.apply([
      [entry('before', '10')],
      [entry('one', '100'), entry('known', '2'), entry('two', '100')],
      [entry('one', '1000')],
    ]);
    expect(results).toEqual([
      { outcomes: ['applied'] },
      { refused: 'conflict', index: 1, message: expect.stringContaining('other operands') },
      { outcomes: ['applied'] },
    ]);
    expect(ledger.read()).toEqual({ total: '1011', count: 3 });
    expect(ledger.problems()).toEqual([]);
  });

  test('an error in the middle leaves nothing of the batch behind (I5)', () => {
    ledger.apply(entry('x', '1'));
    const { db } = ledger.volume.newest;
    db.exec(
      `CREATE TEMP TRIGGER fails BEFORE INSERT ON events WHEN new.id = 'z' BEGIN SELECT raise(FAIL, 'disk'); END`,
    );
    expect(() => ledger.apply(entry('y', '1'), entry('z', '1'))).toThrow('disk');
    db.exec('DROP TRIGGER fails');
    expect(ledger.read()).toEqual({ total: '1', count: 1 });
    expect(ledger.apply(entry('y', '1'), entry('z', '1'))).toEqual(['applied', 'applied']);
    expect(ledger.problems()).toEqual([]);
  });
});

describe('I2, I3, I6: any sequence of batches, restarts and new generations', () => {
  const anyEntry = fc.record({
    id: fc.integer({ min: 0, max: 40 }).map((n) => `id-${n}`),
    cents: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
    total: fc.constantFrom('default', 'sales', 'stock'),
  });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.array(fc.array(anyEntry, { minLength: 1, maxLength: 4 }), { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  );

  test('the totals are those of a plain model', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        directory = makeTempDir();
        const options = { windowMs: 30 * day, maxEvents: 7 };
        let one = new TestLedger(directory, options);
        const seen = new Map<string, string>();
        const model = new Map<string, { cents: bigint; count: number }>();
        try {
          for (const groups of steps) {
            if (groups === 'restart') {
              one.close();
              one = new TestLedger(directory, options);
              continue;
            }
            const results = one.writer.apply(
              groups.map((group) => group.map(({ id, cents, total }) => entry(id, toText(cents), { total }))),
            );
            for (const [index, group] of groups.entries()) {
              const known = new Map(seen);
              const isConflict = group.some(({ id, cents, total }) => {
                const meaning = `${cents} ${total}`;
                const before = known.get(id) ?? meaning;
                known.set(id, before);
                return before !== meaning;
              });
              expect('refused' in (results[index] ?? {})).toBe(isConflict);
              for (const { id, cents, total } of isConflict ? [] : group) {
                if (seen.has(id)) continue;
                seen.set(id, `${cents} ${total}`);
                const { cents: sum, count } = model.get(total) ?? { cents: 0n, count: 0 };
                model.set(total, { cents: sum + cents, count: count + 1 });
              }
            }
          }
          for (const name of ['default', 'sales', 'stock']) {
            const expected = model.get(name);
            expect(one.read(name)).toEqual(
              expected && { total: entry('', toText(expected.cents)).a, count: expected.count },
            );
          }
          expect(one.problems()).toEqual([]);
        } finally {
          one.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  function toText(cents: bigint): string {
    const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
    return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
  }
});

describe('generations', () => {
  test('a full one is sealed, and what it holds is still known', () => {
    const small = open({ windowMs: 30 * day, maxEvents: 2 });
    for (const id of ['a', 'b', 'c', 'd', 'e']) expect(small.apply(entry(id, '1'))).toEqual(['applied']);
    expect(files()).toEqual(['ledger-00000001.db', 'ledger-00000002.db', 'ledger-00000003.db']);
    expect(small.apply(entry('a', '1'), entry('c', '1'), entry('a', '2'))).toEqual([
      'duplicate',
      'duplicate',
      'conflict',
    ]);
    expect(small.read()).toEqual({ total: '5', count: 5 });
    expect(small.problems()).toEqual([]);
  });

  test('those older than the window and a day are deleted, the total stays', () => {
    const start = ledger.now;
    ledger.apply(entry('a', '1', { time: start }));
    for (const age of [8, 16, 24, 32]) at(start + age * day);
    expect(files()[0]).toBe('ledger-00000001.db');
    // The events so far say that it is day 32: the next generation after that tells that a month has passed.
    for (const age of [40, 48]) at(start + age * day);
    expect(files()[0]).toBe('ledger-00000002.db');
    expect(ledger.read()).toEqual({ total: '7', count: 7 });
    expect(ledger.problems()).toEqual([]);

    function at(now: number): void {
      ledger.now = now;
      expect(ledger.apply(entry(`at ${now}`, '1', { time: now }))).toEqual(['applied']);
    }
  });

  test('an event within the window is still known at the edge of it', () => {
    const start = ledger.now;
    const event = entry('edge', '1', { time: start });
    ledger.apply(event);
    for (let age = 1; age <= 30; age++) {
      ledger.now = start + age * day;
      ledger.apply(entry(`day ${age}`, '1', { time: ledger.now }));
      expect(ledger.apply(event)).toEqual(['duplicate']);
    }
    expect(ledger.read()).toEqual({ total: '31', count: 31 });
  });

  test('an event older than the window that is not known is refused, never counted on a guess', () => {
    expect(ledger.apply(entry('old', '1', { time: ledger.now - 30 * day - 1 }))).toEqual(['expired']);
    expect(ledger.apply(entry('just', '1', { time: ledger.now - 30 * day }))).toEqual(['applied']);
    expect(ledger.apply(entry('ahead', '1', { time: ledger.now + day + 1 }))).toEqual(['unavailable']);
    expect(ledger.read()).toEqual({ total: '1', count: 1 });
  });

  test.each([
    ['that carry the time of the right clock', (start: number, n: number) => start + n],
    ['that carry no time', () => null],
  ])('I2: a clock that jumps ahead deletes no marks, with events %s', (_, time) => {
    const start = ledger.now;
    ledger.apply(entry('a', '1', { time: start }));
    for (const [n, days] of [10, 40, 400, 4_000].entries()) {
      ledger.jumpMs = days * day;
      ledger.now = start + ledger.jumpMs;
      ledger.apply(entry(`while it is wrong ${n}`, '1', { time: time(start, n) }));
    }
    ledger.jumpMs = 0;
    ledger.now = start;
    expect(ledger.apply(entry('a', '1', { time: start }))).toEqual(['duplicate']);
    expect(ledger.problems()).toEqual([]);
  });

  test('I2: a clock that is set back counts no event again whose mark was deleted by the right time', () => {
    const start = ledger.now;
    const event = entry('once', '1', { time: start });
    ledger.apply(event);
    for (let age = 8; age <= 48; age += 8) {
      ledger.now = start + age * day;
      ledger.apply(entry(`day ${age}`, '1', { time: ledger.now }));
    }
    expect(files()[0]).toBe('ledger-00000002.db');
    // By this clock the event is of yesterday.
    ledger.now = start + day;
    expect(ledger.apply(event)).toEqual(['expired']);
    expect(ledger.apply(entry('day 24', '1', { time: start + 24 * day }))).toEqual(['duplicate']);
    expect(ledger.read()).toEqual({ total: '7', count: 7 });
  });

  test('I4: one that cannot be opened just now leaves reads as they were, to be tried again', () => {
    const reader = new Reader(directory);
    const small = open({ windowMs: 30 * day, maxEvents: 1 });
    ledger.apply(entry('a', '1'));
    small.apply(entry('b', '1'));
    const [next, aside] = [generationFile(directory, 2), join(directory, 'aside')];
    renameSync(next, aside);
    expect(() => reader.lastSeq()).toThrow('missing');
    renameSync(aside, next);
    expect(reader.lastSeq()).toBe(2);
    reader.close();
  });

  test('files that a process left when it ended while it began a generation are removed by the next', () => {
    writeFileSync(join(directory, '.new-1-1'), 'x');
    const small = open({ windowMs: 30 * day, maxEvents: 1 });
    small.apply(entry('a', '1'));
    small.apply(entry('b', '1'));
    expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a next generation that never began, because the process ended before its commit, is begun again', () => {
    ledger.apply(entry('a', '1'));
    createGeneration(generationFile(directory, 2), { number: 2, openedAt: 0, openingSeq: 0, oldest: 1 }, []);
    const small = open({ windowMs: 30 * day, maxEvents: 1 });
    expect(small.volume.newest.number).toBe(1);
    expect(small.apply(entry('b', '1'), entry('a', '1'))).toEqual(['applied', 'duplicate']);
    expect(small.read()).toEqual({ total: '2', count: 2 });
    expect(small.problems()).toEqual([]);
  });

  function files(): string[] {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.db'))
      .sort();
  }
});

describe('two processes on one volume', () => {
  test('I2: a generation that one whose clock is behind adds to and seals is kept as long as the others', () => {
    const small = { ...retention, maxEvents: 3 };
    const [right, behind] = [open(small), open(small)];
    behind.now -= 40 * day;
    right.apply(entry('x', '1'), entry('y', '1'));
    behind.apply(entry('z', '1'));
    // The generation is full.
    behind.apply(entry('u', '1'));
    for (const id of ['v', 'w', 'next']) right.apply(entry(id, '1'));
    expect(right.apply(entry('x', '1'))).toEqual(['duplicate']);
    expect(right.volume.oldestFirst[0]?.number).toBe(1);
    expect(right.problems()).toEqual([]);
  });

  test('I2: a generation is as old as its latest event, though one whose clock is behind adds to the same total', () => {
    const small = { ...retention, maxEvents: 3 };
    const [right, behind] = [open(small), open(small)];
    const begin = right.now;
    right.now = begin + 7 * day;
    const x = entry('x', '1', { time: right.now });
    right.apply(entry('y', '1'), x);
    behind.now = begin - 40 * day;
    behind.apply(entry('z', '1'));
    // The generation is full.
    behind.apply(entry('u', '1'));
    right.now = begin + 31.5 * day;
    for (let n = 0; n < 7; n++) right.apply(entry(`n${n}`, '1', { time: right.now }));
    expect(right.apply(x)).toEqual(['duplicate']);
    expect(right.problems()).toEqual([]);
  });

  test('I2: an event of a time ahead, whose mark was deleted, is not counted again by one whose clock is behind', () => {
    const small = { ...retention, maxEvents: 3 };
    const right = open(small);
    const begin = right.now;
    const x = entry('x', '1', { time: begin + 0.9 * day });
    right.apply(x, entry('y', '1'), entry('z', '1'));
    right.now = begin + 1_000;
    right.apply(entry('u', '1'));
    right.now = begin + 32 * day;
    for (let n = 0; n < 7; n++) right.apply(entry(`n${n}`, '1', { time: right.now }));
    expect(right.volume.oldestFirst[0]?.number).toBeGreaterThan(1);
    const behind = open(small);
    behind.now = begin + day;
    expect(behind.apply(x)).toEqual(['expired']);
    expect(behind.problems()).toEqual([]);
  });

  test('I2: what one has counted is a duplicate for the other, across new generations', () => {
    const options = { windowMs: 30 * day, maxEvents: 3 };
    const [left, right] = [open(options), open(options)];
    for (let n = 0; n < 20; n++) {
      const [first, second] = n % 2 === 0 ? [left, right] : [right, left];
      expect(first.apply(entry(`id-${n}`, '0.1'))).toEqual(['applied']);
      expect(second.apply(entry(`id-${n}`, '0.1'))).toEqual(['duplicate']);
    }
    expect(left.read()).toEqual({ total: '2', count: 20 });
    expect(left.problems()).toEqual([]);
  });

  test('one that cannot have the lock says that a retry may succeed, and applies nothing', () => {
    const other = open();
    other.volume.newest.db.exec('BEGIN IMMEDIATE');
    expect(() => ledger.apply(entry('x', '1'))).toThrow(
      expect.objectContaining({ code: 'unavailable', retryable: true }),
    );
    other.volume.newest.db.exec('ROLLBACK');
    expect(ledger.apply(entry('x', '1'))).toEqual(['applied']);
  });
});
