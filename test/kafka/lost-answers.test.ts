// I1 where it is easiest to lose: the broker wrote a batch, nobody learnt of it, and other records come next.

import { expect, test } from '@jest/globals';

import { createLog } from '../../lib/log.ts';
import { TopicWriter } from '../../local/kafka/topic-writer.ts';
import type { LogRecord } from '../../local/log/record.ts';
import { ensureTopics } from '../../local/kafka/topics.ts';
import { closeAfterTest } from '../test-log.ts';
import { Broker } from './broker.ts';
import { TestKafka } from './kafka.ts';
import { Proxy } from './proxy.ts';

function record(id: string): LogRecord {
  // All of one key, so that all go to one partition, where each begins where the one before it was to end.
  return { key: 'key', headers: { ce_id: id }, value: Buffer.from('{}') };
}

test('I1: after a batch whose acknowledgement was lost, the next one is not taken for its repetition', async () => {
  const proxy = await new Proxy().start();
  const broker = await Broker.start({ advertised: proxy.port });
  closeAfterTest(() => broker.remove());
  proxy.forwardTo(broker.port);
  const kafka = new TestKafka(`127.0.0.1:${proxy.port}`);
  await ensureTopics(await kafka.admin(), kafka.topic);
  const writer = new TopicWriter(await kafka.client(), kafka.topic, await createLog('test', 'silent'));
  closeAfterTest(() => writer.close());
  await writer.append(record('first'));

  proxy.swallowAnswers = true;
  await expect(writer.append(record('unknown'))).rejects.toMatchObject({ code: 'unavailable' });
  proxy.swallowAnswers = false;
  await writer.append(record('next'));

  const ids = (await kafka.records()).map(({ headers }) => new Map(headers).get('ce_id'));
  // It was written, so the next one really followed a batch that the broker remembers.
  expect(ids).toEqual(['first', 'unknown', 'next']);
});
