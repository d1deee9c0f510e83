import { expect, test } from '@jest/globals';
import type { Admin } from 'kafkajs';
import { setImmediate as nextRound } from 'node:timers/promises';

import { readStatus } from './status.ts';

test('a record that fails for good while Kafka is asked never seems done without its dead letter', async () => {
  // Each answer is true of its moment, and right after the first one the bridge writes the letter and commits the record.
  let answers = 0;
  const isDone = (): boolean => answers++ > 0;
  const admin = {
    fetchOffsets: async () => {
      await nextRound(); // The broker answers the others first, where they are asked at the same time.
      const offset = isDone() ? '1' : '0';
      return [{ topic: 'sums', partitions: [{ partition: 0, offset, metadata: null }] }];
    },
    fetchTopicOffsets: (topic: string) => {
      const high = topic === 'sums' || isDone() ? '1' : '0';
      return Promise.resolve([{ partition: 0, offset: high, low: '0', high }]);
    },
  } as unknown as Admin;

  const status = await readStatus(admin, { topic: 'sums', group: 'accumulate' }, [0]);
  expect(status).not.toMatchObject({ lag: 0, deadLetters: 0 });
});
