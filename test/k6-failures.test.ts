// What k6's scripts must not let pass: each fails, by its exit code, on a system in which that is wrong.

import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { createAdder, isOk } from './adder-client.ts';
import { exit, runK6, startProxy, startSystem } from './k6-run.ts';
import { makeTempDir } from './temp-dir.ts';

test('exactly-once.js fails when somebody else adds to its total (I2)', async () => {
  const system = await startSystem();
  const add = createAdder(system.add, 10_000);
  let meddled: Promise<void> | undefined;
  const addOneMore = async (): Promise<void> => {
    const requestId = crypto.randomUUID();
    const answer = await add({ requestId, a: '0.01', b: '0', total: 'mine' });
    const counted = await fetch(`http://${system.accumulate}/requests/${requestId}?wait=30s`);
    if (!isOk(answer) || !counted.ok) throw new Error('the addition of the test itself is not counted');
  };
  // Between the first request that a script asks for and its answer.
  const accumulate = await startProxy(system.accumulate, async ({ url }) => {
    if (url?.startsWith('/requests/') === true) await (meddled ??= addOneMore());
    return false;
  });
  const { code, output, report } = await runK6(['run', 'k6/exactly-once.js'], {
    ...{
      ADD: system.add,
      ACCUMULATE: accumulate,
      TOTAL: 'mine',
      DURATION: '2s',
      USERS: '2',
      SHORT_DEADLINE: '1ms',
    },
  });
  expect({ code, output }).toEqual({ code: exit.thresholds, output: expect.any(String) });
  expect(output).toMatch(/it is NOT the sum of what was sent/);
  expect(output).toMatch(/FAILED tally_difference_count count==0 \(was -1\)/);
  expect(output).toMatch(/FAILED tally_difference_cents count==0 \(was -1\)/);
  expect(report()).toContain('<strong>Failed</strong>: 2 of ');
}, 120_000);

test('accumulate.js fails when an event is acknowledged and not counted (I1)', async () => {
  const system = await startSystem();
  let lost = false;
  const accumulate = await startProxy(system.accumulate, ({ method }, response) => {
    if (method !== 'POST' || lost) return Promise.resolve(false);
    lost = true;
    response.writeHead(204, { 'tally-outcome': 'applied' }).end();
    return Promise.resolve(true);
  });
  // One user who sends once: every copy after the first would make good what was lost.
  const { code, output } = await runK6(['run', 'k6/accumulate.js'], {
    ...{ ACCUMULATE: accumulate, DURATION: '2s', USERS: '1', COPIES: '1' },
  });
  expect({ code, output }).toEqual({ code: exit.thresholds, output: expect.any(String) });
  expect(output).toMatch(/FAILED tally_difference_count count==0/);
}, 120_000);

test('accumulate.js fails when a copy is applied too (I2)', async () => {
  const system = await startSystem();
  const accumulate = await startProxy(system.accumulate, () => Promise.resolve(false), 'applied');
  const { code, output } = await runK6(['run', 'k6/accumulate.js'], {
    ...{ ACCUMULATE: accumulate, DURATION: '2s', USERS: '2' },
  });
  expect({ code, output }).toEqual({ code: exit.thresholds, output: expect.any(String) });
  expect(output).toMatch(/FAILED tally_wrong_outcomes count==0/);
}, 120_000);

test('add.js fails where nobody listens, and its page shows settings as text', async () => {
  const REPORT = join(makeTempDir(), '<i>.html');
  const { code, output } = await runK6(['run', 'k6/add.js'], {
    ...{ ADD: '127.0.0.1:1', RATE: '5', DURATION: '1s', USERS: '20', REPORT },
  });
  expect({ code, output }).toEqual({ code: exit.thresholds, output: expect.any(String) });
  expect(output).toMatch(/FAILED tally_failed rate<0\.001 \(was 1\)/);
  expect(readFileSync(REPORT, 'utf8')).toContain('&lt;i&gt;.html');
}, 120_000);

test('scale-to-n.js gives up, and says so, when fewer replicas serve', async () => {
  const { add } = await startSystem();
  const { code, output } = await runK6(['run', 'k6/scale-to-n.js'], {
    ...{ ADD: add, REPLICAS: '2', USERS: '2', CALLS_AT_ONCE: '2', RAMP: '1s', GIVE_UP: '2s' },
  });
  expect({ code, output }).toEqual({ code: exit.thresholds, output: expect.any(String) });
  expect(output).toMatch(/gave up after \d+ ms: 1 of 2 replicas serve/);
}, 120_000);

test('soak.js fails when a part is another process than before', async () => {
  const system = await startSystem();
  let scrapes = 0;
  const metrics = await startProxy(system.accumulate, (_, response) => {
    response.end(`process_resident_memory_bytes 1\nprocess_start_time_seconds ${scrapes++}\n`);
    return Promise.resolve(true);
  });
  const { code, output } = await runK6(['run', 'k6/soak.js'], {
    ...{ ADD: system.add, ACCUMULATE: `http://${system.accumulate}`, METRICS: metrics },
    ...{ RATE: '5', DURATION: '2s', USERS: '20', MAX_LAG_MS: '60000' },
  });
  expect({ code, output }).toEqual({ code: exit.thresholds, output: expect.any(String) });
  expect(output).toMatch(/FAILED tally_restarts count==0/);
}, 120_000);
