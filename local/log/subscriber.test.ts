import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { makeTempDir } from '../../test/temp-dir.ts';
import { postEvent, startTestLog } from '../../test/test-log.ts';
import { until } from '../../test/until.ts';

test('each attempt carries the token that is in the file at that time', async () => {
  const file = join(makeTempDir(), 'token');
  writeFileSync(file, 'first\n');
  const { url, subscriber } = await startTestLog({ subscriberTokenFile: file });
  subscriber.respond = (_, nth) => {
    writeFileSync(`${file}.new`, 'second\n');
    renameSync(`${file}.new`, file);
    return { status: nth === 1 ? 503 : 204 };
  };
  await postEvent(url, 'x');
  await until('it is delivered', () => subscriber.countOf('x') === 2);
  expect(subscriber.deliveries.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer first',
    'Bearer second',
  ]);
});

test('without its token nothing is sent, and a record is tried again (I1)', async () => {
  const file = join(makeTempDir(), 'token');
  const { url, subscriber, eventLog } = await startTestLog({
    subscriberTokenFile: file,
    delivery: { retries: 20, backoffDelayMs: 1, timeoutMs: 5_000 },
  });
  await postEvent(url, 'x');
  await until('it was tried', () => eventLog.status().redeliveries > 2);
  expect(subscriber.deliveries).toEqual([]);
  writeFileSync(file, 'there');
  await until('it is delivered', () => subscriber.countOf('x') === 1);
  rmSync(file);
});

test('without a file for it no token is sent', async () => {
  const { url, subscriber } = await startTestLog();
  await postEvent(url, 'x');
  await until('it is delivered', () => subscriber.countOf('x') === 1);
  expect(subscriber.deliveries[0]?.headers).not.toHaveProperty('authorization');
});
