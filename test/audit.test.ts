// `tally audit` as an operator runs it, against real processes: while they are under load and after kills it says that
// log and ledger are equal, and with what is planted then, that they are not.

import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from '@jest/globals';

import type { Audit } from '../audit/audit.ts';
import { runTally, startTally } from '../client/testing/command.ts';
import { closeServer, listen, sendJson } from '../lib/http.ts';
import type { EmbeddedLogStatus } from '../local/log/status.ts';
import { createAdder, isOk } from './adder-client.ts';
import { PartProcess } from './part-process.ts';
import { makeTempDir } from './temp-dir.ts';
import { closeAfterTest, getPage, postEvent } from './test-log.ts';
import { until } from './until.ts';

const clients = 8;

/** The path, its parts on volumes of their own. */
async function startPath() {
  const [volume, logVolume] = [makeTempDir(), makeTempDir()];
  const accumulate = await new PartProcess('accumulate', {
    DATA_DIR: volume,
    GENERATION_MAX_EVENTS: '1000',
  }).start();
  const log = await new PartProcess('log', {
    DATA_DIR: logVolume,
    SUBSCRIBER: accumulate.url,
    DELIVERY_RETRIES: '20',
    DELIVERY_BACKOFF: '1ms',
  }).start();
  const add = await new PartProcess('add', {
    K_SINK: `${log.url}/default/sums`,
    SINK_ATTEMPT_TIMEOUT: '1s',
  }).start();
  const audit = async (...more: string[]): Promise<{ code: number | null; result: Audit }> => {
    const { code, stdout, stderr } = await runTally([
      ...['audit', '--data-dir', volume, '--log', log.url, '--json'],
      ...more,
    ]);
    if (stdout === '') throw new Error(stderr);
    return { code, result: JSON.parse(stdout) as Audit };
  };
  const status = () => getPage<EmbeddedLogStatus>(log.url, '/status');
  const settled = () => until('everything is delivered', async () => (await status()).lag === 0);
  return { volume, logVolume, accumulate, log, add, audit, status, settled };
}

/** Clients that add until they are stopped, each sum again and again until it is acknowledged. */
function startLoad(address: string) {
  const adder = createAdder(address, 5_000);
  let isStopping = false;
  let acknowledged = 0;
  const workers = Array.from({ length: clients }, async (_, client) => {
    while (!isStopping) {
      const request = { requestId: randomUUID(), a: `${client}.1`, b: '-0.02', total: `t${client % 3}` };
      while (!isOk(await adder(request))) await turn();
      acknowledged++;
    }
  });
  const grow = (more: number) => {
    const enough = acknowledged + more;
    return until(`${more} more are acknowledged`, () => acknowledged >= enough, 60_000);
  };
  const stop = async (): Promise<number> => {
    isStopping = true;
    await Promise.all(workers);
    return acknowledged;
  };
  return { grow, stop };
}

test('I1, I2, I3: under load and after kills the audit says equal, up to an offset', async () => {
  const { audit, accumulate, log, add, settled } = await startPath();
  const load = startLoad(add.address);
  const seen: Audit[] = [];
  const look = async (): Promise<void> => {
    const { code, result } = await audit();
    expect({ code, differences: result.differences, totals: result.totals }).toMatchObject({
      code: 0,
      totals: [],
    });
    seen.push(result);
  };
  for (const part of [accumulate, log, accumulate, add]) {
    await load.grow(200);
    await look();
    await part.kill();
    await part.start();
    await load.grow(50);
    await look();
  }
  // Kills while it looks: of accumulate, whose volume it reads.
  const looking = look();
  await accumulate.kill();
  await accumulate.start();
  await looking;
  const acknowledged = await load.stop();
  await settled();
  await look();
  const last = seen.at(-1);
  expect(last?.ids).toMatchObject({ counted: acknowledged, inFlight: 0, deadLetters: 0 });
  expect(last?.ledger.seq).toBe(acknowledged);
  expect(last?.log.partitions[0]?.committedOffset).toBe(last?.log.records);
  // Each of them looked at more, and the ledger had begun a file or two meanwhile.
  const offsets = seen.map(({ log: { partitions } }) => partitions[0]?.nextOffset ?? 0);
  expect(offsets).toEqual(offsets.toSorted((x, y) => x - y));
  expect(new Set(offsets).size).toBeGreaterThan(5);
}, 180_000);

test('the audit names what is missing and what was counted past the log, with exit code 1', async () => {
  const { audit, volume, logVolume, accumulate, log, settled } = await startPath();
  for (const id of ['a', 'b', 'c'])
    expect(await postEvent(log.url, id, { 'ce-source': '/my/shop' })).toBe(202);
  // Of the log's own dead letters: another meaning of an id, and no event.
  expect(await postEvent(log.url, 'a', { 'ce-source': '/my/shop' }, '{"a":"1","b":"1","sum":"2"}')).toBe(202);
  expect(await postEvent(log.url, 'd', { 'ce-source': '/my/shop' }, 'no JSON')).toBe(202);
  await settled();
  expect(await audit()).toMatchObject({
    code: 0,
    result: { ids: { counted: 3 }, log: { records: 5, notValid: 1, notValidAndLost: 0, deadLetters: 2 } },
  });

  const direct = await fetch(accumulate.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...{
        'ce-specversion': '1.0',
        'ce-id': 'x',
        'ce-source': '/past/the/log',
        'ce-type': 'dev.tally.sum.v1',
      },
    },
    body: '{"a":"0.5","b":"0","sum":"0.5"}',
  });
  expect(direct.status).toBe(204);
  const forged = await audit();
  expect(forged).toMatchObject({ code: 1, result: { differences: { withoutRecord: { count: 1 } } } });
  expect(forged.result.differences.withoutRecord.listed[0]).toMatchObject({ event: { id: 'x' } });
  expect(await audit('--direct-source', '/past/the/log')).toMatchObject({ code: 0 });

  expect(await accumulate.stop()).toBe(0);
  const file = readdirSync(volume).find((name) => name.endsWith('.db')) ?? '';
  const db = new DatabaseSync(join(volume, file));
  db.exec("DELETE FROM events WHERE id = 'b'");
  db.close();
  const text = await runTally(['audit', '--data-dir', volume, '--log', log.url]);
  expect(text.code).toBe(1);
  expect(text.stdout).toContain(`${volume} and ${log.url}: different\n`);
  expect(text.stdout).toContain('b of /my/shop: 2 and 3 to default, record 0:1\n');
  expect(text.stdout).toContain('x of /past/the/log: 0.5 and 0 to default, event 4 of ');
  expect(text.stdout).toContain(
    'total default: ledger 15.5 (4 events), log 15 (3 events), difference 0.5 (1 event)\n',
  );

  // The same of a log that is stopped, by its file.
  expect(await log.stop()).toBe(0);
  const stopped = await runTally(['audit', '--data-dir', volume, '--log', logVolume]);
  expect(stopped.stdout.replace(join(logVolume, 'log.db'), log.url)).toBe(text.stdout);
}, 120_000);

test('what cannot be read or judged ends with exit code 2 and says why', async () => {
  const volume = makeTempDir();
  const audit = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runTally(['audit', '--data-dir', volume, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    return stderr;
  };
  const { accumulate, log, volume: whole } = await startPath();
  expect(await audit('--log', log.url)).toContain('holds no ledger');
  expect(await audit('--log', accumulate.url)).toContain('is not');
  expect(await audit('--log', 'http://127.0.0.1:9')).toContain('no answer from http://127.0.0.1:9');
  expect(await audit('--since', 'yesterday')).toContain('--since should be a time that is past');
  expect(await audit('--since', '2999-01-01T00:00:00Z')).toContain('--since should be a time that is past');
  expect(await audit('--limit', 'many')).toContain('--limit should be a number');
  expect(await audit('--nonsense')).toContain('--nonsense');
  const elsewhere = ['--data-dir', whole, '--log', log.url, '--temp-dir', '/nowhere'];
  expect(await audit(...elsewhere)).toContain('Name another directory by --temp-dir');
  expect((await runTally(['audit', '--help'])).stdout).toContain('Usage: tally audit');
  expect((await runTally(['help', 'audit'])).stdout).toContain('Usage: tally audit');
  expect((await runTally(['--help'])).stdout).toMatch(/^ {2}audit /m);
}, 120_000);

test('an interrupted audit leaves nothing behind, and says how far it was where that is asked for', async () => {
  const { volume, log, settled } = await startPath();
  for (let n = 0; n < 20; n++) await postEvent(log.url, `id-${n}`);
  await settled();
  const tempDir = makeTempDir();
  const args = ['audit', '--data-dir', volume, '--log', log.url, '--temp-dir', tempDir, '--progress'];
  const whole = await runTally(args);
  expect(whole).toMatchObject({ code: 0 });
  expect(whole.stderr).toContain('20 of 20 records of the log\n20 of 20 events of the ledger\n');

  // A log that shows how much it has and then falls silent: it is interrupted amid its reading.
  const silent = await startSilentLog();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    const asked = silent.asked();
    const child = startTally([...args.slice(0, 3), '--log', silent.url, '--temp-dir', tempDir]);
    await asked;
    child.process.kill(signal);
    expect((await child.ended).code).toBe({ SIGINT: 130, SIGTERM: 143, SIGKILL: null }[signal]);
    expect(readdirSync(tempDir)).toEqual([]);
  }
}, 120_000);

/** Answers as the embedded log does, but for its records. */
async function startSilentLog() {
  let asked = Promise.withResolvers<undefined>();
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/records') asked.resolve(undefined);
    else if (path === '/status') {
      sendJson(response, { lag: 0, firstOffset: 0, nextOffset: 5, committedOffset: 5 });
    } else sendJson(response, { items: [], next: null, firstOffset: 0, nextOffset: 0 });
  });
  const port = await listen(server, 0, '127.0.0.1');
  closeAfterTest(async () => {
    server.closeAllConnections();
    await closeServer(server);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    /** Resolves when the next audit has come to its records. */
    asked: () => {
      asked = Promise.withResolvers();
      return asked.promise;
    },
  };
}
