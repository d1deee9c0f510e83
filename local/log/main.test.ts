import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { startLogProcess } from '../../test/log-process.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { postEvent, postEvents, startSubscriber } from '../../test/test-log.ts';
import { until } from '../../test/until.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `id-${index}`);

test('I1: every record answered with 202 is delivered, though the log is killed again and again under load', async () => {
  const subscriber = await startSubscriber();
  const env = {
    SUBSCRIBER: subscriber.url.href,
    DATA_DIR: makeTempDir(),
    DELIVERY_BACKOFF: '10ms',
    LOG_COMMIT_INTERVAL: '10ms',
  };
  const counted = new Set<string>();
  // Some fail at first, so that there are always unfinished records behind others that are done.
  subscriber.respond = ({ headers }, nth) => {
    const id = String(headers['ce-id']);
    if (nth === 1 && id.endsWith('7')) return { status: 503 };
    counted.add(id);
    return { status: 204 };
  };
  const accepted = new Set<string>();
  for (const round of ['first', 'second', 'third']) {
    const log = startLogProcess(env);
    const url = await log.url();
    const before = counted.size;
    const posting = postEvents(
      url,
      ids(2_000).map((id) => `${round}-${id}`),
    );
    await until('some are delivered', () => counted.size >= before + 200);
    await log.end('SIGKILL');
    for (const id of await posting) accepted.add(id);
  }
  const final = startLogProcess(env);
  const status = await until('all are delivered', async () => {
    const now = await final.status();
    return now.committedOffset === now.nextOffset && now;
  });
  expect(accepted.size).toBeGreaterThanOrEqual(500);
  expect([...accepted].filter((id) => !counted.has(id))).toEqual([]);
  expect(status.deadLetters).toBe(0);
});

test('a dead letter is logged as an error, with its record and the reason', async () => {
  const subscriber = await startSubscriber();
  subscriber.respond = () => ({ status: 422 });
  const log = startLogProcess({ SUBSCRIBER: subscriber.url.href, DATA_DIR: makeTempDir() });
  await postEvent(await log.url(), 'a');
  const line = await until('it is logged', () => /^.*in the dead letters.*\n/m.exec(log.output())?.[0]);
  expect(JSON.parse(line)).toMatchObject({ level: 'error', offset: 0, id: 'a', reason: 'status 422' });
});

test('SIGTERM drains and ends with 0, and nothing is delivered again', async () => {
  const subscriber = await startSubscriber();
  const env = { SUBSCRIBER: subscriber.url.href, DATA_DIR: makeTempDir() };
  const first = startLogProcess(env);
  await postEvents(await first.url(), ids(50));
  await until('all are delivered', async () => (await first.status()).committedOffset === 50);
  expect(await first.end('SIGTERM')).toBe(0);
  const second = startLogProcess(env);
  expect(await second.status()).toMatchObject({ savedOffset: 50, committedOffset: 50, inFlight: 0 });
  expect(subscriber.deliveries).toHaveLength(50);
});

test('I5: a second process on the data directory is refused, and the first is unharmed', async () => {
  const subscriber = await startSubscriber();
  const env = { SUBSCRIBER: subscriber.url.href, DATA_DIR: makeTempDir() };
  const first = startLogProcess(env);
  const url = await first.url();
  const second = startLogProcess(env);
  expect(await second.ended()).toBe(1);
  expect(second.output()).toMatch(
    /cannot start: .*log\.db is in use by another log process: stop it or choose/,
  );
  expect(await postEvent(url, 'a')).toBe(202);
});

test('I5: a damaged file is refused by its name, and is left as it is', async () => {
  const dataDir = makeTempDir();
  writeFileSync(join(dataDir, 'log.db'), 'x'.repeat(10_000));
  const refused = startLogProcess({ SUBSCRIBER: 'http://127.0.0.1:9/', DATA_DIR: dataDir });
  expect(await refused.ended()).toBe(1);
  expect(refused.output()).toMatch(/cannot start: .*log\.db is damaged/);
});

test('I5: a record damaged on disk ends the log by its name instead of being delivered', async () => {
  const subscriber = await startSubscriber();
  subscriber.respond = () => ({ status: 503 });
  const env = { SUBSCRIBER: subscriber.url.href, DATA_DIR: makeTempDir() };
  const first = startLogProcess(env);
  await postEvent(await first.url(), 'a', {}, 'the data');
  expect(await first.end('SIGTERM')).toBe(0);
  const path = join(env.DATA_DIR, 'log.db');
  const bytes = readFileSync(path);
  bytes.write('THE DATA', bytes.indexOf('the data'));
  writeFileSync(path, bytes);
  const second = startLogProcess(env);
  expect(await second.ended()).toBe(1);
  expect(second.output()).toMatch(
    /cannot be used any more: .*log\.db: the record at offset 0 of sums is damaged/,
  );
});

test('a full disk is answered with 503, loses nothing, and is over when there is space again', async () => {
  const subscriber = await startSubscriber();
  const env = { SUBSCRIBER: subscriber.url.href, DATA_DIR: makeTempDir() };
  // In blocks of 512 bytes: no file may become larger than 1 MiB. The soft limit alone, so that it can be lifted.
  const log = startLogProcess(env, { prefix: 'ulimit -S -f 2048;' });
  const url = await log.url();
  const body = 'x'.repeat(20_000);
  const accepted = new Set<string>();
  let sent = 0;
  await until('the disk is full', async () => {
    const id = `id-${sent++}`;
    const status = await postEvent(url, id, {}, body);
    if (status === 202) accepted.add(id);
    return status === 503;
  });
  await until('what was stored is delivered', () => [...accepted].every((id) => subscriber.has(id)));
  expect(await postEvent(url, 'refused', {}, body)).toBe(503);
  expect(log.output().match(/cannot be stored/g)).toHaveLength(1);
  spawnSync('prlimit', ['--pid', String(log.child.pid), '--fsize=unlimited']);
  expect(await postEvent(url, 'again', {}, body)).toBe(202);
  await until('it is delivered', () => subscriber.has('again'));
  expect(log.output()).toContain('records are stored again');
  expect(subscriber.has('refused')).toBe(false);
  await log.end('SIGKILL');
  const { committedOffset, nextOffset } = await startLogProcess(env).status();
  expect(nextOffset).toBe(accepted.size + 1);
  expect(committedOffset).toBeLessThanOrEqual(nextOffset);
});

test('every problem of the configuration is named at once, with exit code 78', async () => {
  const refused = startLogProcess({
    PORT: 'x',
    DATA_DIR: '/dev/null/data',
    DELIVERY_TIMEOUT: '60',
    LOG_LEVEL: 'loud',
  });
  expect(await refused.ended()).toBe(78);
  for (const problem of [
    'SUBSCRIBER is unset, should be the http:// address that records are delivered to',
    'PORT was \\"x\\", should be a whole number from 0 to 65535',
    'DATA_DIR was /dev/null/data, should be a directory that can be written',
    'LOG_LEVEL was',
    'DELIVERY_TIMEOUT was \\"60\\", should be a duration',
  ]) {
    expect(refused.output()).toContain(problem);
  }
});
