import { expect, test } from '@jest/globals';

import { describe } from './report.ts';
import { event, History } from './testing/history.ts';

const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

async function report(
  history: History,
  options: { sinceMs?: number; directSources?: string[] } = {},
  limit = 100,
) {
  const result = await history.audit({ ...options, limit });
  return describe(result, limit).replace(history.directory, 'DIR').replaceAll(time, 'TIME');
}

test('a report says what was compared, and so what "equal" means', async () => {
  const history = new History({ partitions: 2 });
  history.add('a', '1.5');
  history.count(event('b', '2', { source: '/my/shop' }));
  history.bury(history.record({ key: null, headers: {}, value: null }, { partition: 1 }));
  history.log.commit();
  history.record(event('c', '3'));
  expect(await report(history, { directSources: ['/my/shop'] })).toBe(
    `DIR and the log: equal
  ledger: 1 total up to event 2, 2 of them stored
  log: 3 records up to offset 0:2 1:1, to be counted up to offset 0:1 1:1
  ids: 1 counted as recorded, 0 in the dead letters alone, 1 in flight
  dead letters: 1 so far; "tally dead-letters list" has those nobody is done with
  the log is not done with: 1 record, the oldest of TIME
  records with no valid event: 1
  taken from the ledger, as posted past the log: 1 event
  compared: everything that was ever counted, but for that
`,
  );
  expect(await report(history, { sinceMs: Date.now() + 1_000, directSources: ['/my/shop'] })).toContain(
    `
  compared: what was counted since TIME; what the totals were then, with 2 stored events, is taken from the ledger
`,
  );
});

test('a report says when the log has not got on for so long that it will not by itself', async () => {
  const history = new History();
  history.log.commit();
  for (const [id, minutesAgo] of [
    ['a', 16],
    ['b', 1],
  ] as const) {
    history.record(event(id, '1'), { timeMs: Date.now() - minutesAgo * 60_000 });
  }
  expect(await history.audit()).toMatchObject({
    isEqual: true,
    log: { waiting: { records: 2, since: expect.stringMatching(time) } },
  });
  expect(await report(history)).toContain(
    '\n  the log is not done with: 2 records, the oldest of TIME. None is judged before that: see why it does not get on\n',
  );
});

test('a report names each difference, and what it does to its total', async () => {
  const history = new History();
  for (const id of ['a', 'b', 'c', 'd']) history.add(id, '1.5', { b: '0.5', total: 'sales' });
  history.record(event('b', '7', { total: 'sales' }));
  history.counted[2] = event('c', '-3', { total: 'stock' });
  history.counted.splice(0, 1);
  history.count(event('x\n\x1b[31m', '9', { total: 'sales' }));
  history.moveTotal('stock', '-3.25');
  expect(await report(history)).toBe(
    `DIR and the log: different
  ledger: 2 totals up to event 4, 4 of them stored
  log: 5 records up to offset 5, to be counted up to offset 5
  ids: 1 counted as recorded, 0 in the dead letters alone, 0 in flight
  compared: everything that was ever counted

total sales: ledger 13 (3 events), log 8 (4 events), difference 5 (-1 event)
  -2 (-1 event) missing
  9 (1 event) counted without a record
  -2 (-1 event) counted with another amount

total stock: ledger -3.25 (1 event), log 0 (0 events), difference -3.25 (1 event)
  -3 (1 event) counted with another amount
  -0.25 (0 events) in its row alone

missing: delivered, but neither counted nor in the dead letters: 1
  a of /test: 1.5 and 0.5 to sales, record 0:0

counted without a record in the log: 1
  x\\u000a\\u001b[31m of /test: 9 and 0 to sales, event 4 of TIME

counted with another amount than recorded: 1
  c of /test: -3 and 0 to stock, event 2 of TIME, record 0:2, recorded as 1.5 and 0.5 to sales

refused, as the id was counted with other operands, but not in the dead letters: 1
  b of /test: 7 and 0 to sales, record 0:4, counted as 1.5 and 0.5 to sales

Were they posted to accumulate, past the log? Then name their source: --direct-source /test
`,
  );
  expect(await report(history, {}, 0)).toMatch(
    /\n\nand 2 more totals\n\nmissing: .*: 1, of which 0 are listed\n\n/,
  );
  expect(await report(history, {}, 0)).not.toContain('--direct-source');
});

test('a log of which nothing is counted is most likely that of another ledger, which the report says', async () => {
  const history = new History();
  history.record(event('of-another', '1'));
  history.count(event('of-this', '1'));
  expect(await report(history)).toMatch(
    /None of the log's records is counted in this ledger: is the log the log of \S+\? See --log and --data-dir\./,
  );
});
