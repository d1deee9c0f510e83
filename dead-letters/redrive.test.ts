// What a redrive does when it is stopped, or cannot go on, in the middle.

import { expect, test } from '@jest/globals';

import { type LogAccess, openLog } from '../local/access/log-access.ts';
import type { Faults } from '../local/log/faults.ts';
import { startTestLog } from '../test/test-log.ts';
import { until } from '../test/until.ts';
import type { Letter } from './letter.ts';
import { LetterBox } from './letter-box.ts';
import { redrive } from './redrive.ts';

const count = 150;

/** A log with letters of as many events as `count`, and what stands in the way of their redrive. */
async function prepare(faults: Faults = {}): Promise<LogAccess> {
  const { url, eventLog } = await startTestLog({}, { faults });
  const log = await openLog(url, {});
  const ids = Array.from({ length: count }, (_id, n) => `event-${n}`);
  await Promise.all(
    ids.map((id) =>
      log.append('sums-dead-letter', {
        key: null,
        headers: {
          ...{ ce_specversion: '1.0', ce_id: id, ce_source: '/s', ce_type: 'dev.tally.sum.v1' },
          ce_knativeerrordest: 'http://accumulate/',
        },
        value: Buffer.from('{}'),
      }),
    ),
  );
  await until('all are there', () => eventLog.status().deadLetters === count);
  return log;
}

async function idsIn(log: LogAccess): Promise<(string | undefined)[]> {
  const [{ firstOffset: from, nextOffset: to } = { firstOffset: 0, nextOffset: 0 }] =
    await log.partitions('sums');
  const ids: (string | undefined)[] = [];
  for await (const page of log.read('sums', [{ partition: 0, from, to }])) {
    ids.push(...page.map(({ headers }) => headers['ce_id']));
  }
  return ids;
}

async function openIn(log: LogAccess): Promise<string[]> {
  const box = await LetterBox.open(log);
  const open: string[] = [];
  for await (const page of box.letters()) {
    open.push(...page.filter((letter) => box.isOpen(letter)).map(({ id }) => id));
  }
  return open;
}

test('asked to stop it finishes what it has begun, and leaves the rest open', async () => {
  const log = await prepare();
  const box = await LetterBox.open(log);
  const stopping = new AbortController();
  const { signal } = stopping;
  const onRedriven = (): void => {
    stopping.abort();
  };
  const { redriven, error } = await redrive(log, box.letters(), { signal, onRedriven });
  expect(error).toBeUndefined();
  expect(redriven).toBeGreaterThan(0);
  expect(redriven).toBeLessThan(count);
  const [done, open] = [await idsIn(log), await openIn(log)];
  expect(done).toHaveLength(redriven);
  expect(new Set([...done, ...open]).size).toBe(count);
  expect(open).toHaveLength(count - redriven);
});

test('where the log stores no more, those that it has stored are done with and the others stay open (I1)', async () => {
  const log = await prepare({
    sink: ({ headers }) =>
      headers['ce_id'] === 'event-7' && !('ce_knativeerrordest' in headers) ? 'hang-up' : 'answer',
  });
  const box = await LetterBox.open(log);
  const { redriven, error } = await redrive(log, box.letters());
  expect(error).toMatchObject({ code: 'unavailable' });
  const [done, open] = [await idsIn(log), await openIn(log)];
  expect(done).toHaveLength(redriven);
  expect(done).not.toContain('event-7');
  expect(open).toContain('event-7');
  expect(open).toHaveLength(count - redriven);
  expect(redriven).toBeGreaterThan(0);
});

test('appends the event as it was, with its id and without what its failure added', async () => {
  const { url } = await startTestLog();
  const log = await openLog(url, {});
  const event = {
    key: 'key',
    headers: {
      ...{
        ce_specversion: '1.0',
        ce_id: 'a',
        ce_source: '/s',
        ce_type: 'dev.tally.sum.v1',
        ce_subject: 'sales',
      },
      ...{ ce_time: '2026-11-26T06:00:00Z', ce_partitionkey: 'key', ce_note: 'Grüße' },
      ...{ ce_traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, 'content-type': 'application/json' },
    },
    value: Buffer.from('{"a": "1.50"}'),
  };
  const failed = {
    ...{
      ce_knativekafkapartition: '3',
      ce_knativekafkaoffset: '14',
      ce_knativeerrordest: 'http://accumulate/',
    },
    ...{ ce_knativeerrorcode: '503', ce_knativeerrordata: 'e30=' },
  };
  await log.append('sums-dead-letter', { ...event, headers: { ...event.headers, ...failed } });
  const box = await LetterBox.open(log);
  expect(await redrive(log, box.letters())).toMatchObject({ redriven: 1, failed: 0 });
  const records: unknown[] = [];
  for await (const page of log.read('sums', [{ partition: 0, from: 0, to: 1 }])) records.push(...page);
  expect(records).toEqual([{ ...event, partition: 0, offset: 0, timeMs: expect.any(Number) }]);
});

test('data that was too large for its letter is taken from where it came from, and missed where it is gone', async () => {
  const { url } = await startTestLog();
  const log = await openLog(url, {});
  const attributes = { ce_specversion: '1.0', ce_id: 'a', ce_source: '/s', ce_type: 'dev.tally.sum.v1' };
  const value = Buffer.from('{"a":"1"}');
  await log.append('sums', { key: null, headers: attributes, value });
  const letterAt = (offset: string, id = 'a') => ({
    ...{ key: null, value: null },
    headers: {
      ...{ ...attributes, ce_id: id, ce_knativekafkapartition: '0', ce_knativekafkaoffset: offset },
      ce_knativeerrordest: 'http://accumulate/',
    },
  });
  for (const letter of [letterAt('0'), letterAt('0', 'of another'), letterAt('700')]) {
    await log.append('sums-dead-letter', letter);
  }
  const letters: Letter[] = [];
  const box = await LetterBox.open(log);
  for await (const page of box.letters()) letters.push(...page);
  const report = await redrive(log, box.letters());
  expect(report).toMatchObject({ redriven: 1, failed: 2, error: undefined });
  const problem = expect.stringMatching(
    /^its data was too large for the dead letters, and sums no longer has it/,
  );
  expect(report.failures).toEqual([
    { letter: '0:1', id: 'of another', problem },
    { letter: '0:2', id: 'a', problem },
  ]);
  const records: unknown[] = [];
  for await (const page of log.read('sums', [{ partition: 0, from: 1, to: 9 }])) records.push(...page);
  expect(records).toMatchObject([{ headers: attributes, value }]);
  expect(await openIn(log)).toEqual(['of another', 'a']);
});

test('what only claims to be a structured event is no event, and stays', async () => {
  const { url } = await startTestLog();
  const log = await openLog(url, {});
  await log.append('sums-dead-letter', {
    key: null,
    headers: {
      ...{
        ce_specversion: '1.0',
        ce_id: 'partition:0/offset:3',
        ce_source: '/s',
        ce_type: 'dev.knative.kafka.event',
      },
      ...{ 'content-type': 'application/cloudevents+json', ce_knativeerrordest: 'http://accumulate/' },
    },
    value: Buffer.from('{'),
  });
  const box = await LetterBox.open(log);
  const report = await redrive(log, box.letters());
  expect(report.failures).toMatchObject([{ problem: expect.stringContaining('it is no CloudEvent') }]);
  expect(await idsIn(log)).toEqual([]);
});

test('what the log takes no more keeps none of the others from it', async () => {
  const { url, eventLog, dataDir } = await startTestLog();
  await eventLog.drain();
  const stored = await openLog(dataDir, {});
  const attributes = { ce_specversion: '1.0', ce_source: '/s', ce_type: 'dev.tally.sum.v1' };
  const failed = { ce_knativeerrordest: 'http://accumulate/' };
  const letterOf = (id: string, bytes: number) => ({
    key: null,
    headers: { ...attributes, ...failed, ce_id: id },
    value: Buffer.alloc(bytes, '"'),
  });
  // The second one's attributes fit no header, so that it goes as JSON with its data in base64; the third is too large for
  // a running log, and the note on the fourth is.
  const letters = [
    letterOf('a', 10),
    letterOf('東京', 1_000_000),
    letterOf('c', 1_048_560),
    letterOf('"'.repeat(700_000), 10),
    letterOf('e', 10),
  ];
  for (const letter of letters) await stored.append('sums-dead-letter', letter);
  await stored.close();
  const { url: again } = await startTestLog({ dataDir });
  expect(again).not.toBe(url);
  const log = await openLog(again, {});
  const box = await LetterBox.open(log);
  const report = await redrive(log, box.letters());
  expect(report).toMatchObject({ redriven: 3, failed: 2, error: undefined });
  expect(report.failures).toMatchObject([
    { letter: '0:2', problem: expect.stringMatching(/^a record may have 1048576 bytes, it has 1048\d{3}$/) },
    {
      letter: '0:3',
      problem: expect.stringMatching(
        /^its event is in the log again, but the note .* stays open: a record may/,
      ),
    },
  ]);
  expect((await idsIn(log)).map((id) => id?.slice(0, 2)).toSorted()).toEqual(['""', 'a', 'e', '東京']);
  // What is redriven fits no header on its way to the subscriber either, and may be a letter again by now.
  expect(new Set((await openIn(log)).map((id) => id.slice(0, 1)))).toEqual(new Set(['c', '"']));
});
