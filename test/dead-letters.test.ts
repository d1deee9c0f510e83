// `tally dead-letters` against real processes. With KAFKA_BROKERS (npm run test:kafka) the same on Kafka.

import { randomUUID } from 'node:crypto';

import { expect, test } from '@jest/globals';

import { runTally } from '../client/testing/command.ts';
import { verifyDirectory } from '../functions/accumulate/ledger/fixtures.ts';
import { DeadLetterSystem, isKafka, type ListedLetter } from './dead-letter-system.ts';
import { createRandom } from './random.ts';
import { until } from './until.ts';

/** Each starts a dozen processes, on Kafka with groups of their own. */
const timeoutMs = 300_000;
const seed = Date.now() % 1_000_000;
const onEmbedded = isKafka ? test.skip : test;

function byId(letters: readonly ListedLetter[]): Record<string, ListedLetter> {
  return Object.fromEntries(letters.map((letter) => [letter.id, letter]));
}

test(
  'says what is in the dead letters and why',
  async () => {
    const system = await DeadLetterSystem.start();
    await system.send('twice', '1');
    await system.delivered();
    await system.send('twice', '2', { total: 'sales' });
    await system.send('bad', 'x');
    await system.send('late', '3', { time: '2020-01-01T00:00:00Z' });
    await system.delivered();
    await system.sendInOutage(['away']);

    const letters = byId(await system.list());
    expect(letters).toEqual({
      twice: expect.objectContaining({ code: 422, total: 'sales', state: 'open' }),
      bad: expect.objectContaining({ code: 400, total: 'default' }),
      late: expect.objectContaining({ code: 422 }),
      away: expect.objectContaining({ code: null, why: 'no answer' }),
    });
    expect(letters['twice']?.why).toMatch(
      /^422 conflict: event twice of .* was counted with other operands: 1 and 0/,
    );
    expect(letters['bad']?.why).toMatch(/^400 invalid: .*must be a decimal/);
    expect(letters['late']?.why).toMatch(/^422 expired: .*before the deduplication window/);

    const { code, stdout } = await system.run('list', '--limit', '3');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^LETTER +ID +TOTAL +WHEN +WHY\n[^]*away[^\n]*no answer\n$/);
    expect(stdout.split('\n')).toHaveLength(5);
    expect((await system.run('list', '--limit', '3')).stderr).toBe('the newest 3 of 4: see --limit\n');

    const shown = await system.run('show', 'twice', letters['late']?.letter ?? '');
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(
      /^id +twice$[^]*^why +422 conflict[^]*^data +\{"a":"2","b":"0","sum":"2"\}$/m,
    );
    expect(shown.stdout).toMatch(/^from +sums \d+:\d+$[^]*^time +2020-01-01T00:00:00Z$/m);
    const json = await system.run('show', 'bad', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      id: 'bad',
      data: '{"a":"x","b":"0","sum":"x"}',
      notes: [],
    });
    expect(await system.run('show', 'nobody')).toMatchObject({
      code: 5,
      stderr: 'there is no dead letter nobody\n',
    });
  },
  timeoutMs,
);

test(
  'what an outage left there counts once when it is redriven, however often that is done (I1, I2)',
  async () => {
    const system = await DeadLetterSystem.start();
    const ids = Array.from({ length: 120 }, () => randomUUID());
    await system.sendInOutage(ids);
    expect((await system.list()).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await system.total()).toMatchObject({ count: 0 });

    expect(await system.run('redrive', '--all', '--reason', 'accumulate was away')).toMatchObject({
      code: 0,
      stdout: 'redriven 120 dead letters\n',
    });
    await system.delivered();
    expect(await system.total()).toEqual({ total: '120', count: 120 });
    expect(await system.run('list')).toMatchObject({ code: 0, stdout: '', stderr: 'no open dead letters\n' });
    expect((await system.run('redrive', '--all')).stdout).toBe('redriven 0 dead letters\n');

    const all = await system.list('--all');
    expect(all).toHaveLength(120);
    expect(
      all.every(({ state, notes }) => state === 'redriven' && notes[0]?.reason === 'accumulate was away'),
    ).toBe(true);
    const again = await system.run('redrive', all[0]?.letter ?? '');
    expect(again.stdout).toBe(`redriven 1 dead letter: ${all[0]?.letter ?? ''}\n`);
    const named = await system.run('redrive', all[0]?.id ?? '');
    expect(named).toMatchObject({
      code: 5,
      stderr: expect.stringContaining(`by its place: ${all[0]?.letter ?? ''}`),
    });
    await system.delivered();
    expect(await system.total()).toEqual({ total: '120', count: 120 });
  },
  timeoutMs,
);

test(
  `a redrive that is killed anywhere, several times, and run again counts every letter once (I1, I2; seed ${seed})`,
  async () => {
    const system = await DeadLetterSystem.start();
    const ids = Array.from({ length: 2_000 }, () => randomUUID());
    await system.sendInOutage(ids);
    const random = createRandom(seed);
    const notedAfter: number[] = [];
    for (let kill = 0; kill < 4; kill++) {
      const { process: child, ended } = system.start('redrive', '--all', '--progress');
      const steps = Math.ceil(random() * 4);
      let said = '';
      child.stderr.on('data', (text: string) => (said += text));
      await until('it has redriven some', () => child.exitCode !== null || said.split('\n').length > steps);
      child.kill('SIGKILL');
      await ended;
      notedAfter.push((await system.list('--all')).filter(({ notes }) => notes.length > 0).length);
    }
    // At the least the first was cut off in the middle.
    expect(notedAfter[0]).toBeGreaterThan(0);
    expect(notedAfter[0]).toBeLessThan(ids.length);
    expect((await system.run('redrive', '--all')).code).toBe(0);
    await system.delivered();
    expect(await system.total()).toEqual({ total: '2000', count: 2_000 });
    expect(await system.list()).toEqual([]);
    expect((await system.list('--all')).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await system.accumulate.stop()).toBe(0);
    expect(verifyDirectory(system.directory)).toEqual([]);
  },
  timeoutMs,
);

test(
  'two operators may redrive at one time (I2)',
  async () => {
    const system = await DeadLetterSystem.start();
    await system.sendInOutage(Array.from({ length: 300 }, () => randomUUID()));
    const ended = await Promise.all([system.run('redrive', '--all'), system.run('redrive', '--all')]);
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    await system.delivered();
    expect(await system.total()).toEqual({ total: '300', count: 300 });
    expect(await system.list()).toEqual([]);
  },
  timeoutMs,
);

test(
  'a discarded letter stays, with who is to blame, and is redriven only by its place',
  async () => {
    const system = await DeadLetterSystem.start();
    await system.sendInOutage(['kept', 'unwanted']);
    const reason = 'the shop has sent it anew, as order-7';
    expect(await system.run('discard', 'unwanted', '--reason', reason)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^discarded 1 dead letter: \d+:\d+\n$/),
    });
    expect((await system.list()).map(({ id }) => id)).toEqual(['kept']);
    const { unwanted } = byId(await system.list('--all'));
    expect(unwanted).toMatchObject({ state: 'discarded', notes: [{ action: 'discarded', reason }] });
    expect((await system.run('show', 'unwanted')).stdout).toMatch(
      /^note +discarded \d{4}-.*Z: the shop has sent it anew/m,
    );
    expect((await system.run('redrive', '--all')).stdout).toBe('redriven 1 dead letter\n');
    await system.delivered();
    expect(await system.total()).toEqual({ total: '1', count: 1 });
    await system.run('redrive', unwanted?.letter ?? '');
    await system.delivered();
    expect(await system.total()).toEqual({ total: '2', count: 2 });
    expect(byId(await system.list('--all'))['unwanted']).toMatchObject({
      state: 'redriven',
      notes: [{}, {}],
    });
  },
  timeoutMs,
);

test(
  'an id of several letters means all of one event, and none of several (I6)',
  async () => {
    const system = await DeadLetterSystem.start();
    await system.sendInOutage(['same', 'other']);
    await system.sendInOutage(['same']);
    await system.accumulate.kill();
    await system.send('other', '5');
    await system.delivered();
    await system.accumulate.start();
    const others = (await system.list()).filter(({ id }) => id === 'other').map(({ letter }) => letter);
    expect(others).toHaveLength(2);
    const ambiguous = await system.run('redrive', 'same', 'other');
    expect(ambiguous).toMatchObject({ code: 3, stdout: '' });
    for (const place of others) expect(ambiguous.stderr).toContain(place);
    expect(await system.list()).toHaveLength(4);
    expect((await system.run('redrive', 'same')).stdout).toMatch(
      /^redriven 2 dead letters: \d+:\d+, \d+:\d+\n$/,
    );
    expect((await system.run('redrive', others[1] ?? '')).stdout).toBe(
      `redriven 1 dead letter: ${others[1] ?? ''}\n`,
    );
    await system.delivered();
    expect(await system.total()).toMatchObject({ count: 2 });
    expect((await system.run('redrive', 'other')).stdout).toBe(
      `redriven 1 dead letter: ${others[0] ?? ''}\n`,
    );
    await system.delivered();
    // The other one has other operands: it is refused, which is a new letter.
    expect(await system.total()).toMatchObject({ count: 2 });
    expect(await system.list()).toMatchObject([{ id: 'other', code: 422 }]);
    expect(await system.run('redrive', 'other')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /^1 of them had been refused \(400, 413, 415 or 422\): if .* a new letter soon\n$/,
      ),
    });
  },
  timeoutMs,
);

onEmbedded(
  'works on the file of a log that is stopped, which then delivers',
  async () => {
    const system = await DeadLetterSystem.start();
    await system.sendInOutage(['a', 'b']);
    const file = ['--log', system.directory];
    expect(await system.run('list', ...file)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('is in use by a log that runs: stop that'),
    });
    await system.log.stop();
    expect((await system.run('redrive', 'a', ...file)).stdout).toMatch(/^redriven 1 dead letter: 0:[01]\n$/);
    expect((await system.run('discard', 'b', ...file)).stdout).toMatch(/^discarded 1 dead letter: 0:[01]\n$/);
    await system.log.start();
    await system.delivered();
    expect(await system.total()).toEqual({ total: '1', count: 1 });
    expect((await system.status()).deadLetters).toBe(0);
  },
  timeoutMs,
);

onEmbedded(
  'wrong usage, and a log that does not answer, have exit codes of their own',
  async () => {
    const unused = { LOG_URL: 'http://127.0.0.1:9' };
    const codes: (number | null)[] = [];
    for (const args of [
      ...[
        ['redrive'],
        ['redrive', 'x', '--all'],
        ['discard'],
        ['list', '--limit', '0'],
        ['bury', 'x'],
        ['list'],
      ],
    ]) {
      codes.push((await runTally(['dead-letters', ...args], unused)).code);
    }
    expect(codes).toEqual([2, 2, 2, 2, 2, 6]);
    expect((await runTally(['dead-letters', 'list'], { LOG_URL: 'x' })).code).toBe(2);
    const { code, stdout } = await runTally(['help', 'dead-letters']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: tally dead-letters[^]*Exit codes:/);
    expect((await runTally(['--help'])).stdout).toContain('dead-letters');
  },
  timeoutMs,
);
