// `tally audit` with Kafka as the log: several partitions, offsets of a consumer group, and retention.

import { expect, test } from '@jest/globals';

import type { Audit } from '../../audit/audit.ts';
import { runTally } from '../../client/testing/command.ts';
import { PartProcess } from '../part-process.ts';
import { makeTempDir } from '../temp-dir.ts';
import { getPage, postEvent } from '../test-log.ts';
import { until } from '../until.ts';
import { TestKafka } from './kafka.ts';

async function startPath() {
  const kafka = new TestKafka();
  const volume = makeTempDir();
  const accumulate = await new PartProcess('accumulate', { DATA_DIR: volume }).start();
  const env = { ...kafka.env, SUBSCRIBER: accumulate.url, LOG_COMMIT_INTERVAL: '50ms' };
  const log = await new PartProcess('log', env).start();
  const post = async (id: string, body?: string) => {
    expect(await postEvent(log.url, id, { 'ce-source': '/my/shop', 'ce-partitionkey': id }, body)).toBe(202);
  };
  const settled = () =>
    until(
      'everything is delivered',
      async () => (await getPage<{ lag: number }>(log.url, '/status')).lag === 0,
    );
  const audit = async (...more: string[]): Promise<{ code: number | null; result: Audit }> => {
    const { code, stdout, stderr } = await runTally(
      ['audit', '--data-dir', volume, '--json', ...more],
      kafka.env,
    );
    if (stdout === '') throw new Error(stderr);
    expect(stderr).toBe('');
    return { code, result: JSON.parse(stdout) as Audit };
  };
  return { kafka, accumulate, log, post, settled, audit };
}

test('I1, I2: on Kafka the audit says equal up to an offset of each partition, and names what is missing', async () => {
  const { kafka, log, post, settled, audit } = await startPath();
  const ids = Array.from({ length: 60 }, (_, n) => `order-${n}`);
  await Promise.all(ids.map((id) => post(id)));
  // Again, with other operands, and no event: the last two are dead letters.
  await post('order-1');
  await post('order-2', '{"a":"1","b":"1","sum":"2"}');
  await post('bad', 'no JSON');
  await settled();
  const { code, result } = await audit();
  expect({ code, result }).toMatchObject({
    code: 0,
    result: {
      ids: { counted: 60, inFlight: 0 },
      log: { records: 63, notValid: 1, notValidAndLost: 0, deadLetters: 2 },
    },
  });
  expect(result.log.partitions).toHaveLength(12);
  for (const { committedOffset, nextOffset } of result.log.partitions)
    expect(committedOffset).toBe(nextOffset);

  // Records that nobody delivers, and a group that is set behind some of them, as by a mistaken reset.
  expect(await log.stop()).toBe(0);
  const producer = await kafka.producer();
  const headers = {
    ...{ ce_specversion: '1.0', ce_source: '/my/shop', ce_type: 'dev.tally.sum.v1' },
    'content-type': 'application/json',
  };
  const messageOf = (id: string) => ({
    ...{ key: id, partition: 3, headers: { ...headers, ce_id: id } },
    value: '{"a":"0.5","b":"0","sum":"0.5"}',
  });
  const [stored] = await producer.send({
    topic: kafka.topic,
    messages: [messageOf('skipped'), messageOf('waiting')],
  });
  expect(await audit()).toMatchObject({ code: 0, result: { ids: { counted: 60, inFlight: 2 } } });
  const admin = await kafka.admin();
  const offset = String(Number(stored?.baseOffset) + 1);
  await admin.setOffsets({
    groupId: kafka.group,
    topic: kafka.topic,
    partitions: [{ partition: 3, offset }],
  });
  const skipped = await audit();
  expect(skipped).toMatchObject({
    code: 1,
    result: {
      ids: { counted: 60, inFlight: 1 },
      differences: { missing: { count: 1, listed: [{ record: { id: 'skipped', partition: 3 } }] } },
    },
  });
});

test('a topic that retention has cut is judged since a time, and nothing is said of what was before', async () => {
  const { kafka, accumulate, post, settled, audit } = await startPath();
  const postAll = async (name: string, count: number): Promise<void> => {
    await Promise.all(Array.from({ length: count }, (_, n) => post(`${name}-${n}`)));
    await settled();
  };
  await postAll('old', 30);
  const admin = await kafka.admin();
  const ends = await admin.fetchTopicOffsets(kafka.topic);
  // Some in each partition: the oldest of them says since when it has all.
  await postAll('kept', 100);
  const since = new Date().toISOString();
  await postAll('new', 30);
  await admin.deleteTopicRecords({
    topic: kafka.topic,
    partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
  });
  await expect(audit()).rejects.toThrow(/the log has removed records: .*--since TIME/);
  await expect(audit('--since', '1d')).rejects.toThrow(/the log has removed records: .*--since TIME/);
  expect(await audit('--since', since)).toMatchObject({
    code: 0,
    result: { since, ids: { counted: 30, countedBefore: 130 }, log: { records: 130 } },
  });
  const direct = await fetch(accumulate.url, {
    method: 'POST',
    headers: {
      ...{
        'ce-specversion': '1.0',
        'ce-id': 'past',
        'ce-source': '/past/the/log',
        'ce-type': 'dev.tally.sum.v1',
      },
      'content-type': 'application/json',
    },
    body: '{"a":"2","b":"0","sum":"2"}',
  });
  expect(direct.status).toBe(204);
  expect(await audit('--since', since)).toMatchObject({
    code: 1,
    result: { differences: { withoutRecord: { count: 1, listed: [{ event: { id: 'past' } }] } } },
  });
});
