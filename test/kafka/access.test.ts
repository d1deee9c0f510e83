// Reaching a real Kafka as the log from outside: exactly the records of a range, whatever else is in the topic, and
// nothing left behind.

import { expect, test } from '@jest/globals';

import { ensureTopics } from '../../local/kafka/topics.ts';
import { type LogAccess, openLog, type ReadRange } from '../../local/access/log-access.ts';
import type { StoredRecord, Topic } from '../../local/log/record.ts';
import { closeAfterTest } from '../test-log.ts';
import { TestKafka } from './kafka.ts';

const headers = { ce_specversion: '1.0', ce_source: '/s', ce_type: 't' };

async function prepare(): Promise<{ kafka: TestKafka; access: LogAccess }> {
  const kafka = new TestKafka();
  await ensureTopics(await kafka.admin(), kafka.topic);
  const access = await openLog(undefined, kafka.env);
  closeAfterTest(() => access.close());
  // Now every partition has its leader: else what a producer repeats may be stored twice.
  await access.partitions('sums');
  return { kafka, access };
}

function message(id: string, partition: number) {
  return { headers: { ...headers, ce_id: id }, value: '{"a":"1"}', partition };
}

async function allRanges(access: LogAccess, topic: Topic = 'sums'): Promise<ReadRange[]> {
  const partitions = await access.partitions(topic);
  return partitions.map(({ partition, firstOffset, nextOffset }) => ({
    ...{ partition, from: firstOffset, to: nextOffset },
  }));
}

async function readAll(
  access: LogAccess,
  ranges: readonly ReadRange[],
  topic: Topic = 'sums',
): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for await (const page of access.read(topic, ranges)) records.push(...page);
  return records;
}

function idsOf(records: readonly StoredRecord[], partition: number): (string | undefined)[] {
  return records.filter((record) => record.partition === partition).map((record) => record.headers['ce_id']);
}

/** Those that read this test's topics: others read theirs meanwhile. */
async function readingGroups(kafka: TestKafka): Promise<string[]> {
  const { groups } = await (await kafka.admin()).listGroups();
  return groups
    .map(({ groupId }) => groupId)
    .filter((group) => group.startsWith(`tally-read-${kafka.topic}`));
}

test('reads exactly the ranges that are asked for, each partition in order, and leaves no group', async () => {
  const { kafka, access } = await prepare();
  const producer = await kafka.producer();
  const ids = Array.from({ length: 3_000 }, (_id, n) => String(n));
  for (const partition of [0, 5, 11]) {
    await producer.send({ topic: kafka.topic, messages: ids.map((id) => message(id, partition)) });
  }
  const admin = await kafka.admin();
  await admin.setOffsets({
    groupId: kafka.group,
    topic: kafka.topic,
    partitions: [{ partition: 5, offset: '700' }],
  });
  const partitions = await access.partitions('sums');
  expect(partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(partitions[5]).toEqual({ partition: 5, firstOffset: 0, nextOffset: 3_000, committedOffset: 700 });
  const records = await readAll(access, [
    { partition: 0, from: 10, to: 2_500 },
    { partition: 5, from: 0, to: 1 },
    { partition: 11, from: 2_999, to: 3_000 },
    { partition: 7, from: 0, to: 0 },
    { partition: 5, from: 700, to: 702 },
  ]);
  expect(idsOf(records, 0)).toEqual(ids.slice(10, 2_500));
  expect(idsOf(records, 5)).toEqual(['0', '700', '701']);
  expect(idsOf(records, 11)).toEqual(['2999']);
  expect(records).toHaveLength(2_494);
  expect(await readingGroups(kafka)).toEqual([]);
  expect(await access.partitions('sums')).toEqual(partitions);
});

test('ends where the end of a range is the marker of a transaction, without what was aborted', async () => {
  const { kafka, access } = await prepare();
  const producer = (await kafka.client()).producer({
    transactionalId: kafka.topic,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  closeAfterTest(() => producer.disconnect());
  for (const [id, partition, end] of [
    ['kept', 0, 'commit'],
    ['given up', 0, 'abort'],
    ['given up', 1, 'abort'],
    ['kept too', 2, 'commit'],
  ] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: kafka.topic, messages: [message(id, partition)] });
    await transaction[end]();
  }
  const ranges = await allRanges(access);
  expect(ranges.slice(0, 3).map(({ to }) => to)).toEqual([4, 2, 2]);
  const records = await readAll(access, ranges);
  expect([0, 1, 2].map((partition) => idsOf(records, partition))).toEqual([['kept'], [], ['kept too']]);
});

test('ends where retention removes a part or the whole of a range meanwhile', async () => {
  const { kafka, access } = await prepare();
  const producer = await kafka.producer();
  const ids = Array.from({ length: 10 }, (_id, n) => String(n));
  await producer.send({
    topic: kafka.topic,
    messages: ids.flatMap((id) => [message(id, 0), message(id, 1)]),
  });
  const ranges = await allRanges(access);
  await (
    await kafka.admin()
  ).deleteTopicRecords({
    topic: kafka.topic,
    partitions: [
      { partition: 0, offset: '4' },
      { partition: 1, offset: '-1' },
    ],
  });
  const records = await readAll(access, ranges);
  expect(idsOf(records, 0)).toEqual(ids.slice(4));
  expect(idsOf(records, 1)).toEqual([]);
});

test('leaves no group when the reader has seen enough', async () => {
  const { kafka, access } = await prepare();
  const producer = await kafka.producer();
  const messages = Array.from({ length: 5_000 }, (_id, n) => message(String(n), 0));
  for (let sent = 0; sent < 4; sent++) await producer.send({ topic: kafka.topic, messages });
  for await (const page of access.read('sums', await allRanges(access))) {
    expect(page[0]?.headers['ce_id']).toBe('0');
    expect(await readingGroups(kafka)).toHaveLength(1);
    break;
  }
  expect(await readingGroups(kafka)).toEqual([]);
});

test('stores records as they are, in either topic', async () => {
  const { kafka, access } = await prepare();
  const record = {
    key: 'key',
    headers: {
      ...headers,
      ce_id: 'a',
      ce_subject: 'Grüße 東京',
      'content-type': 'x/y',
      traceparent: '00-1-2-3',
    },
    value: Buffer.from([0, 255]),
  };
  await access.append('sums-dead-letter', record);
  await access.append('sums', { ...record, value: null });
  const [letter] = await readAll(access, await allRanges(access, 'sums-dead-letter'), 'sums-dead-letter');
  expect(letter).toMatchObject({ ...record, offset: 0 });
  const [event] = await kafka.records();
  expect(event).toMatchObject({ key: 'key', value: null, headers: Object.entries(record.headers) });
});

test('says what is not there', async () => {
  const kafka = new TestKafka();
  const access = await openLog(undefined, kafka.env);
  closeAfterTest(() => access.close());
  await expect(access.partitions('sums-dead-letter')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(`cannot read the offsets of ${kafka.deadLetterTopic} of Kafka at`),
  });
  await expect(openLog(undefined, { KAFKA_BROKERS: '127.0.0.1:1' })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('no answer of Kafka at 127.0.0.1:1'),
  });
});
