import { expect, test } from '@jest/globals';

import { formatTable } from './table.ts';

test('a row shows what a step did, the reasons of its retries, and no more of a total than fits', () => {
  const account = {
    name: 'disturbed-1',
    total: `9007201402224641.${'0'.repeat(400)}2`,
    count: 320,
    attempts: 351,
    unknown: 12,
    failures: { UNAVAILABLE: 9, DEADLINE_EXCEEDED: 3 },
    records: [320, Infinity],
    deadLetters: [],
  } as const;
  expect(
    formatTable([
      { step: 'installed', seconds: 20.26 },
      { step: 'a pod killed', seconds: 6.5, pods: 4, account, note: 'seen' },
    ]),
  ).toBe(`\
| step         | seconds | add pods | adds | retries | total = expected        | note                                     |
| ------------ | ------: | -------: | ---: | ------: | ----------------------- | ---------------------------------------- |
| installed    |    20.3 |          |      |         |                         |                                          |
| a pod killed |     6.5 |        4 |  320 |      12 | 90072014022…00000000002 | seen, 9 UNAVAILABLE, 3 DEADLINE_EXCEEDED |
`);
});
