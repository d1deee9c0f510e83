import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Entry } from '../functions/accumulate/ledger/entry.ts';
import { retention, TestLedger } from '../functions/accumulate/ledger/fixtures.ts';
import type { Audit } from './audit.ts';
import { type Difference, type Kind, kinds } from './judge.ts';
import { event, History, recordOf } from './testing/history.ts';

/** The differences that were found, each by its kind and id. */
function found(result: Audit): (readonly [Kind, string])[] {
  const idOf = (difference: Difference): string =>
    'record' in difference ? difference.record.id : difference.event.id;
  return kinds.flatMap((kind) => {
    const { count, listed } = result.differences[kind];
    expect(listed).toHaveLength(count);
    return listed.map((difference) => [kind, idOf(difference)] as const);
  });
}

/** Thirty events in three totals, everything in order. */
function usual(): History {
  const history = new History();
  for (let n = 0; n < 30; n++) history.add(`id-${n}`, `${n}.25`, { b: '-0.05', total: `t${n % 3}` });
  return history;
}

describe('a log and a ledger of the same events', () => {
  test('are equal, with what is repeated, refused, in flight or no event of Tally in the log', async () => {
    const history = usual();
    // Twice in the log.
    history.record(event('id-3', '3.25', { b: '-0.05', total: 't0' }));
    // The same decimals, written otherwise.
    history.record({
      ...recordOf(event('id-4', '4.25', { total: 't1' })),
      value: Buffer.from('{"a":"04.250","b":"-0.05","sum":"4.2"}'),
    });
    // An id with other operands, in the dead letters.
    history.bury(history.record(event('id-5', '7', { total: 't2' })));
    // Accumulate was away for too long, for good and until a retry.
    history.bury(history.record(event('buried', '1')));
    history.bury(history.record(event('redriven', '1')));
    history.add('redriven', '1');
    // No event.
    history.bury(history.record({ key: null, headers: { ce_id: 'x' }, value: Buffer.from('plain') }));
    history.log.commit();
    history.record(event('waiting', '5'));
    history.add('just-counted', '6');
    history.record({ key: null, headers: { ce_id: 'y' }, value: null });

    const result = await history.audit();
    expect(result).toMatchObject({
      isEqual: true,
      log: { records: 40, notValid: 2, notValidAndLost: 0, deadLetters: 4 },
      ledger: { seq: 32, events: 32, totals: 4 },
      since: null,
      ids: { counted: 32, countedBefore: 0, direct: 0, deadLetters: 1, inFlight: 1, notJudged: 0 },
      totals: [],
    });
    expect(found(result)).toEqual([]);
  });

  test('are equal when both are empty', async () => {
    expect(await new History().audit()).toMatchObject({ isEqual: true, ledger: { seq: 0, totals: 0 } });
  });

  test('I6: an id of the add function is the same in either case', async () => {
    const history = new History();
    const source = '/functions/add';
    history.record(event('5F0C1E9A-3F0E-4C1B-9D2E-0A1B2C3D4E5F', '1', { source }));
    history.count(event('5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f', '1', { source }));
    expect(found(await history.audit())).toEqual([]);
    const other = new History();
    other.record(event('ID', '1'));
    other.count(event('id', '1'));
    expect(found(await other.audit())).toEqual([
      ['missing', 'ID'],
      ['withoutRecord', 'id'],
    ]);
  });
});

describe('what is planted is found, also where the ledger is whole in itself', () => {
  test('I1: an event that is not counted', async () => {
    const history = usual();
    history.counted.splice(7, 1);
    const result = await history.audit();
    expect(history.problems()).toEqual([]);
    expect(found(result)).toEqual([['missing', 'id-7']]);
    expect(result.differences.missing.listed).toEqual([
      {
        kind: 'missing',
        record: {
          ...{ state: 'due', source: '/test', id: 'id-7', total: 't1', a: '7.25', b: '-0.05' },
          ...{ partition: 0, offset: 7 },
        },
      },
    ]);
    expect(result.totals).toEqual([
      {
        name: 't1',
        ledger: { total: '139.8', count: 9 },
        log: { total: '147', count: 10 },
        difference: { total: '-7.2', count: -1 },
        parts: [{ kind: 'missing', total: '-7.2', count: -1 }],
      },
    ]);
  });

  test('an event that was counted without a record', async () => {
    const history = usual();
    history.count(event('forged', '1000', { total: 't1' }));
    const result = await history.audit();
    expect(history.problems()).toEqual([]);
    expect(found(result)).toEqual([['withoutRecord', 'forged']]);
    expect(result.totals[0]?.parts).toEqual([{ kind: 'withoutRecord', total: '1000', count: 1 }]);
  });

  test('a record that is no longer in the log', async () => {
    const history = usual();
    history.log.remove({ partition: 0, offset: 11 });
    expect(found(await history.audit())).toEqual([['withoutRecord', 'id-11']]);
  });

  test('I6: an event that was counted with another amount, or to another total', async () => {
    const history = usual();
    history.counted[4] = event('id-4', '4.26', { b: '-0.05', total: 't1' });
    history.counted[9] = event('id-9', '9.25', { b: '-0.05', total: 't2' });
    // The same sum of other operands is another meaning, though no total differs by it.
    history.counted[12] = event('id-12', '-0.05', { b: '12.25', total: 't0' });
    const result = await history.audit();
    expect(history.problems()).toEqual([]);
    expect(found(result)).toEqual([
      ['otherAmount', 'id-4'],
      ['otherAmount', 'id-9'],
      ['otherAmount', 'id-12'],
    ]);
    expect(result.totals.map(({ name, difference, parts }) => ({ name, difference, parts }))).toEqual(
      [
        ['t0', '-9.2', -1],
        ['t1', '0.01', 0],
        ['t2', '9.2', 1],
      ].map(([name, total, count]) => ({
        name,
        difference: { total, count },
        parts: [{ kind: 'otherAmount', total, count }],
      })),
    );
  });

  test('I6: another amount is held against a record that may be the one that was counted', async () => {
    const history = usual();
    // In the dead letters, so refused: what was counted under this id is something else.
    history.bury(history.record(event('refused', '1')));
    history.count(event('refused', '2'));
    history.log.commit();
    // Not known to be delivered.
    history.record(event('waiting', '3'));
    history.count(event('waiting', '4'));
    expect(found(await history.audit())).toEqual([
      ['withoutRecord', 'refused'],
      ['otherAmount', 'waiting'],
    ]);
  });

  test('I2: an id of the add function that was counted in both cases', async () => {
    const history = new History();
    const source = '/functions/add';
    history.add('5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f', '1', { source });
    history.count(event('5F0C1E9A-3F0E-4C1B-9D2E-0A1B2C3D4E5F', '1', { source }));
    const result = await history.audit();
    expect(history.problems()).toEqual([]);
    expect(found(result)).toEqual([['countedAgain', '5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f']]);
    expect(result.totals[0]?.parts).toEqual([{ kind: 'countedAgain', total: '1', count: 1 }]);
  });

  test('I3: a total whose row was moved', async () => {
    const history = usual();
    history.moveTotal('t2', '155.01');
    const result = await history.audit();
    expect(found(result)).toEqual([]);
    expect(result).toMatchObject({
      isEqual: false,
      totals: [{ name: 't2', log: { total: '157' }, parts: [{ kind: 'row', total: '-1.99', count: 0 }] }],
    });
  });

  test('I6: a record that was refused for its operands, but has no dead letter', async () => {
    const history = usual();
    history.record(event('id-5', '7', { total: 't2' }));
    expect(found(await history.audit())).toEqual([['refused', 'id-5']]);
  });

  test('a dead letter of another record at the same place explains nothing', async () => {
    const history = usual();
    const stranger = { ...recordOf(event('other', '1')), partition: 0, offset: 30, timeMs: 0 };
    history.bury(stranger);
    history.record(event('missed', '1'));
    expect(found(await history.audit())).toEqual([['missing', 'missed']]);
  });

  test('what tally dead-letters notes down explains nothing either', async () => {
    const history = usual();
    const record = history.record(event('missed', '1'));
    history.log.store('sums-dead-letter', {
      key: null,
      headers: {
        ...record.headers,
        ce_type: 'dev.tally.dead-letter.note.v1',
        ce_knativekafkapartition: '0',
        ce_knativekafkaoffset: '30',
      },
      value: record.value,
    });
    expect(found(await history.audit())).toEqual([['missing', 'missed']]);
  });

  test('a note of that kind that was itself not delivered is a dead letter', async () => {
    const history = usual();
    const attributes = {
      ce_specversion: '1.0',
      ce_id: 'n',
      ce_source: '/s',
      ce_type: 'dev.tally.dead-letter.note.v1',
    };
    history.bury(history.record({ key: null, headers: attributes, value: Buffer.from('{}') }));
    expect(await history.audit()).toMatchObject({ log: { notValid: 1, notValidAndLost: 0, deadLetters: 1 } });
  });

  test('I3: a total that the first file says it began with', async () => {
    const history = new History();
    for (let n = 0; n < 5; n++) history.add(`id-${n}`, '1', { total: 't0' });
    history.plantOpening('t0', '1000000');
    history.plantOpening('ghost', '42');
    expect(history.problems()).toEqual([
      expect.stringContaining('the opening balance of "ghost" is 42 (0 events'),
      expect.stringContaining('the opening balance of "t0" is 1000000 (0 events'),
    ]);
    await expect(history.audit()).rejects.toThrow(
      /ledger-00000001\.db: its opening balances are of 0 events in 2 totals, it begins after event 0 \(see "tally verify"\)/,
    );
  });

  test('a record that is no valid event and has no dead letter is told, and changes no total', async () => {
    const history = usual();
    history.record({ key: null, headers: { ce_id: 'x' }, value: Buffer.from('plain') });
    expect(await history.audit()).toMatchObject({ isEqual: true, log: { notValid: 1, notValidAndLost: 1 } });
  });

  test('only so many are listed, and all are counted', async () => {
    const history = usual();
    history.counted.splice(5, 20);
    const result = await history.audit({ limit: 3 });
    expect(result.differences.missing).toMatchObject({ count: 20 });
    expect(result.differences.missing.listed).toHaveLength(3);
    expect(result.totals.flatMap(({ parts }) => parts.map(({ count }) => count))).toEqual([-7, -6, -7]);
  });
});

test('events of a source that posts past the log are taken from the ledger where that is said', async () => {
  const history = usual();
  history.count(event('order-1', '3', { source: '/my/shop' }));
  // One that came both ways.
  history.add('order-2', '4', { source: '/my/shop' });
  expect(found(await history.audit())).toEqual([['withoutRecord', 'order-1']]);
  const result = await history.audit({ directSources: ['/another', '/my/shop'] });
  expect(result).toMatchObject({ isEqual: true, ids: { counted: 31, direct: 1 } });
});

test('I4: what is counted and recorded while the audit reads is no difference', async () => {
  const history = usual();
  const { directory } = history;
  let more = 0;
  const partitions = history.log.partitions.bind(history.log);
  // Between each two looks at the log everything goes on.
  history.log.partitions = async (topic) => {
    const ranges = await partitions(topic);
    const added = [1, 2, 3].map(() => event(`more-${more++}`, '1'));
    for (const each of added) history.record(each);
    history.log.commit();
    count(directory, added);
    return ranges;
  };
  history.log.onRead = () => {
    const added = event(`more-${more++}`, '1');
    history.record(added);
    history.log.commit();
    count(directory, [added]);
  };
  const result = await history.audit();
  expect(result).toMatchObject({ isEqual: true, ledger: { seq: 33 } });
  expect(more).toBeGreaterThan(10);
});

const hour = 3_600_000;

describe('with --since', () => {
  const cut = Date.now() - 10 * hour;

  /** Ten events of long ago, whose records are no longer kept, and ten since; each was counted a minute later. */
  function trimmed(): History {
    const history = new History({ maxEvents: 4 });
    for (let n = 0; n < 10; n++) history.addAt(cut - 2 * hour + n, event(`old-${n}`, '1'));
    for (let n = 0; n < 10; n++) history.addAt(cut - hour + n * hour, event(`new-${n}`, '10'));
    history.log.cut({ partition: 0, offset: 10 });
    return history;
  }

  test('a log that retention has cut is judged from then on, and not without it', async () => {
    const history = trimmed();
    await expect(history.audit()).rejects.toThrow(
      /the log has removed records: its oldest one is of .*--since TIME/,
    );
    await expect(history.audit({ sinceMs: cut - 2 * hour })).rejects.toMatchObject({ code: 'refused' });
    // Before anything is read and set aside.
    await expect(history.audit({ tempDir: '/nowhere' })).rejects.toThrow(/the log has removed records/);
    expect(await history.audit({ sinceMs: cut })).toMatchObject({
      isEqual: true,
      since: new Date(cut).toISOString(),
      log: { records: 10 },
      ids: { counted: 9, countedBefore: 11 },
    });
  });

  test('what was recorded before it and counted after it has its record', async () => {
    const history = trimmed();
    // Of new-3: stored 30 s before, counted 30 s after.
    const result = await history.audit({ sinceMs: cut + 2 * hour + 30_000 });
    expect(result).toMatchObject({ isEqual: true, ids: { counted: 7, countedBefore: 13 } });
  });

  test('what was counted before it may come again after it', async () => {
    const history = trimmed();
    history.record(event('old-3', '1'), { timeMs: cut + hour });
    expect(await history.audit({ sinceMs: cut })).toMatchObject({ isEqual: true });
  });

  test('differences since are found, and those from before are not judged', async () => {
    const history = trimmed();
    history.record(event('missed-before', '1'), { timeMs: cut - 1 });
    history.record(event('missed-since', '2'), { timeMs: cut });
    history.countAt(cut - hour, event('forged-before', '3'));
    history.countAt(cut + hour, event('forged-since', '4'));
    const result = await history.audit({ sinceMs: cut });
    expect(found(result)).toEqual([
      ['missing', 'missed-since'],
      ['withoutRecord', 'forged-since'],
    ]);
    expect(result.ids.notJudged).toBe(1);
    expect(result.totals).toEqual([
      {
        name: 'default',
        ledger: { total: '117', count: 22 },
        log: { total: '115', count: 22 },
        difference: { total: '2', count: 0 },
        parts: [
          { kind: 'missing', total: '-2', count: -1 },
          { kind: 'withoutRecord', total: '4', count: 1 },
        ],
      },
    ]);
  });

  test('a moved total is found, whatever was before', async () => {
    const history = trimmed();
    history.moveTotal('default', '111');
    const { totals } = await history.audit({ sinceMs: cut });
    expect(totals[0]?.parts).toEqual([{ kind: 'row', total: '1', count: 0 }]);
  });

  test('a ledger that has removed files is judged since the oldest that it keeps, and not without it', async () => {
    const history = new History({ maxEvents: 4 });
    const day = 24 * hour;
    for (let n = 0; n < 20; n++) history.addAt(cut - 100 * day + n * 5 * day, event(`id-${n}`, '1'));
    const error = await history.audit().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'refused' });
    expect(String(error)).toMatch(/the ledger has removed events .* it keeps those counted since (\S+)\. /);
    const kept = Date.parse(/since (\S+Z)\. /.exec(String(error))?.[1] ?? '');
    await expect(history.audit({ sinceMs: kept - 1 })).rejects.toMatchObject({ code: 'refused' });
    const result = await history.audit({ sinceMs: kept });
    expect(result).toMatchObject({ isEqual: true, ledger: { seq: 20 } });
    expect(result.ledger.events).toBeLessThan(20);
    expect(result.ids.counted).toBe(result.ledger.events);
  });

  test('a late repetition of an event of a removed file is not judged, as its time tells', async () => {
    const history = new History({ maxEvents: 4 });
    const day = 24 * hour;
    const at = (n: number) => cut - 100 * day + n * 5 * day;
    for (let n = 0; n < 20; n++) history.addAt(at(n), event(`id-${n}`, '1'));
    const repeat = (id: string, made: number): void => {
      const record = recordOf(event(id, '1'));
      const headers = { ...record.headers, ce_time: new Date(made).toISOString() };
      history.record({ ...record, headers }, { timeMs: cut });
    };
    repeat('id-2', at(2));
    repeat('lost', cut);
    const result = await history.audit({ sinceMs: cut - 2 * day });
    expect(found(result)).toEqual([['missing', 'lost']]);
  });

  test('of several partitions the one that was cut latest says since when the log is whole', async () => {
    const history = new History({ partitions: 3 });
    for (let n = 0; n < 9; n++) {
      const made = event(`id-${n}`, '1');
      history.record(made, { partition: n % 3, timeMs: cut + n * hour });
      history.countAt(cut + n * hour, made);
    }
    history.log.cut({ partition: 0, offset: 1 });
    history.log.cut({ partition: 2, offset: 2 });
    await expect(history.audit({ sinceMs: cut + 8 * hour - 1 })).rejects.toMatchObject({ code: 'refused' });
    expect(await history.audit({ sinceMs: cut + 8 * hour })).toMatchObject({
      isEqual: true,
      ids: { counted: 1 },
    });
  });

  test('a log that begins to remove records while it is read cannot be judged as a whole', async () => {
    const history = usual();
    history.log.onRead = () => history.log.cut({ partition: 0, offset: 2 });
    await expect(history.audit()).rejects.toMatchObject({ code: 'refused' });
  });
});

/** What may become of an event, with nothing wrong. */
const fates = ['counted', 'counted', 'counted', 'buried', 'waiting', 'just-counted'] as const;

const happening = fc.record({
  fate: fc.constantFrom(...fates),
  a: fc.stringMatching(/^-?\d{1,20}(\.\d{1,20})?$/),
  b: fc.constantFrom('0', '0.05', '-1'),
  total: fc.constantFrom('default', 'x', 'y'),
  source: fc.constantFrom('/test', '/functions/add'),
  partition: fc.nat(2),
  copies: fc.integer({ min: 1, max: 3 }),
  isContradicted: fc.boolean(),
});

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** A history in which all is as it should be. */
function play(happenings: readonly Happening[]): History {
  const history = new History({ partitions: 3, maxEvents: 7 });
  const after: (() => void)[] = [];
  for (const [n, { fate, a, b, total, source, partition, copies, isContradicted }] of happenings.entries()) {
    const made = event(`id-${n}`, a, { b, total, source });
    const record = (): void => {
      for (let copy = 0; copy < copies; copy++) {
        const stored = history.record(made, { partition: (partition + copy) % 3 });
        if (fate === 'buried') history.bury(stored);
      }
      if (isContradicted)
        history.bury(history.record(event(`id-${n}`, `1${made.a.replace('-', '')}`, { source })));
    };
    if (fate === 'waiting' || fate === 'just-counted') after.push(record);
    else record();
    if (fate === 'counted' || fate === 'just-counted') history.count(made);
  }
  history.log.commit();
  for (const record of after) record();
  return history;
}

describe('of any history', () => {
  test('in which all is as it should be the audit says equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 25 }), async (happenings) => {
        const result = await play(happenings).audit();
        expect(found(result)).toEqual([]);
        expect(result.isEqual).toBe(true);
        expect(result.ids.counted).toBe(result.ledger.events);
      }),
      { numRuns: 60 },
    );
  });

  const counted = (history: History, at: number): number => at % history.counted.length;
  const plants: Readonly<Record<string, (history: History, at: number) => readonly [Kind, string]>> = {
    'an event that is not counted': (history, at) => {
      // Those that just came may still be on their way.
      const done = history.counted.filter((each) => history.isDone(each));
      const chosen = done[at % done.length] as Entry;
      history.counted.splice(history.counted.indexOf(chosen), 1);
      return ['missing', chosen.id];
    },
    'an event without a record': (history) => {
      history.count(event('forged', '0.01'));
      return ['withoutRecord', 'forged'];
    },
    'a changed amount': (history, at) => {
      const index = counted(history, at);
      const { source, id, total, a, b } = history.counted[index] as Entry;
      history.counted[index] = event(id, b, { b: `${a}${a.includes('.') ? '' : '.'}1`, total, source });
      return ['otherAmount', id];
    },
    'another total': (history, at) => {
      const index = counted(history, at);
      const { source, id, a, b } = history.counted[index] as Entry;
      history.counted[index] = event(id, a, { b, total: 'elsewhere', source });
      return ['otherAmount', id];
    },
    'the same id in the other case': (history) => {
      const source = '/functions/add';
      history.add('same', '1', { source });
      history.count(event('SAME', '1', { source }));
      return ['countedAgain', 'same'];
    },
  };

  test.each(Object.keys(plants))(
    'in which one thing is wrong, %s, that is found and nothing else',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          fc
            .array(happening, { minLength: 1, maxLength: 25 })
            .filter((all) => all.some(({ fate }) => fate === 'counted')),
          fc.nat(),
          async (happenings, at) => {
            const history = play(happenings);
            const planted = plants[name]?.(history, at);
            const result = await history.audit();
            expect(found(result)).toEqual([planted]);
            expect(history.problems()).toEqual([]);
          },
        ),
        { numRuns: 25 },
      );
    },
  );
});

/** Counts as another process would. */
function count(directory: string, entries: readonly Entry[]): void {
  const ledger = new TestLedger(directory, { ...retention, maxEvents: 10 });
  ledger.apply(...entries);
  ledger.close();
}
