import { expect, test } from '@jest/globals';

import { checkAcknowledged } from './topic-writer.ts';

const acknowledgement = (partition: number, errorCode = 0) => ({ topicName: 'sums', partition, errorCode });

test('I1: an answer that leaves out a partition, or tells of an error in it, is no acknowledgement', () => {
  const messages = [{ partition: 0 }, { partition: 4 }, { partition: 0 }];
  checkAcknowledged(messages, [acknowledgement(4), acknowledgement(0)]);
  expect(() => {
    checkAcknowledged(messages, [acknowledgement(0)]);
  }).toThrow('partition 4 was not acknowledged');
  expect(() => {
    checkAcknowledged(messages, [acknowledgement(0), acknowledgement(4, 7)]);
  }).toThrow('partition 4 was not acknowledged');
  expect(() => {
    checkAcknowledged([{}], [acknowledgement(0)]);
  }).toThrow('was not acknowledged');
});
