import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

import { makeTempDir } from '../../test/temp-dir.ts';
import { postEvent, startTestLog } from '../../test/test-log.ts';
import { until } from '../../test/until.ts';

const tally = fileURLToPath(new URL('../../bin/tally', import.meta.url));

function rewind(...args: string[]): { status: number | null; output: string } {
  return rewindWith({}, ...args);
}

function rewindWith(more: Record<string, string>, ...args: string[]) {
  const env = { PATH: process.env['PATH'], ...more };
  const { status, stdout, stderr } = spawnSync(tally, ['rewind', ...args], { env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/** A stopped log that has delivered three events, `b` into the dead letters. */
async function deliverThree() {
  const log = await startTestLog();
  log.subscriber.respond = ({ headers }) => ({ status: headers['ce-id'] === 'b' ? 422 : 204 });
  for (const id of ['a', 'b', 'c']) await postEvent(log.url, id);
  await until('all are done', () => log.eventLog.status().lag === 0);
  await log.eventLog.drain();
  return log;
}

test('I1: a log that is rewound delivers again all that it keeps, but for its dead letters', async () => {
  const { dataDir, subscriber } = await deliverThree();
  expect(rewind('--data-dir', dataDir)).toEqual({
    status: 0,
    output: `${join(dataDir, 'log.db')}: delivery begins at offset 0, with 3 records to deliver\n`,
  });
  const again = await startTestLog({ dataDir }, { subscriber });
  await until('all are done', () => again.eventLog.status().lag === 0);
  expect(['a', 'b', 'c'].map((id) => subscriber.countOf(id))).toEqual([2, 1, 2]);
  expect(again.eventLog.status()).toMatchObject({ deadLetters: 1 });
});

test('from an offset on, which must be one that was delivered', async () => {
  const { dataDir, subscriber } = await deliverThree();
  for (const offset of ['-1', '4', 'x', '1.5', '1x']) {
    expect(rewind('--data-dir', dataDir, `--to=${offset}`)).toMatchObject({
      status: 2,
      output: expect.stringContaining('--to should be an offset from 0 to 3,'),
    });
  }
  expect(rewind('--data-dir', dataDir, '--to', '2').status).toBe(0);
  await startTestLog({ dataDir }, { subscriber });
  await until('it is delivered again', () => subscriber.countOf('c') === 2);
  expect(subscriber.countOf('a')).toBe(1);
});

test('a log that runs, and a directory without one, are refused and left as they are', async () => {
  const { dataDir } = await startTestLog();
  expect(rewind('--data-dir', dataDir)).toMatchObject({
    status: 2,
    output: expect.stringContaining('is in use by another log process'),
  });
  expect(rewindWith({ KAFKA_BROKERS: 'one:9092' }, '--data-dir', dataDir)).toMatchObject({
    status: 2,
    output: expect.stringContaining('so the log is Kafka'),
  });
  const missing = join(makeTempDir(), 'none');
  expect(rewind('--data-dir', missing)).toMatchObject({
    status: 2,
    output: expect.stringContaining(`there is no ${missing}`),
  });
});
