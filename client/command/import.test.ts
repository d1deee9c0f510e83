import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { readFile, symlink } from 'node:fs/promises';

import { runTally, startTally, until, writeTemporary } from '../testing/command.ts';
import { FakeAccumulate } from '../testing/fake-accumulate.ts';
import { FakeAdder, statusOf } from '../testing/fake-adder.ts';

let adder: FakeAdder;
let accumulate: FakeAccumulate;
let env: Record<string, string>;

beforeEach(async () => {
  adder = await new FakeAdder().start();
  accumulate = await new FakeAccumulate().start();
  env = { TALLY_ADD: adder.address, TALLY_URL: accumulate.url };
});

afterEach(async () => {
  adder.stop();
  await accumulate.stop();
});

const byId = ['--amount', 'amount', '--id', 'id'];

function createCsv(rows: number): string {
  const lines = Array.from({ length: rows }, (_, index) => `INV-${index},${index}.5`);
  return `id,amount\n${lines.join('\n')}\n`;
}

async function importJson(args: string[], input = ''): Promise<{ code: number | null; report: object }> {
  const { code, stdout } = await runTally(['import', ...args, '--json'], env, input);
  return { code, report: JSON.parse(stdout) as object };
}

describe('tally import', () => {
  test('counts every row once, and a second run sends the same ids (I2)', async () => {
    const file = await writeTemporary('sales.csv', createCsv(3_000));
    const first = await importJson([file, ...byId, '--total', 'sales']);
    expect(first).toMatchObject({
      code: 0,
      report: { rows: 3_000, acknowledged: 3_000, replayed: 0, sum: '4500000', finished: true },
    });
    const second = await importJson([file, ...byId, '--total', 'sales']);
    expect(second).toMatchObject({ code: 0, report: { acknowledged: 3_000, replayed: 3_000 } });
    expect(adder.recorded.size).toBe(3_000);
    expect(adder.sum).toBe('4500000');
    expect([...adder.recorded.values()].every(({ total, b }) => total === 'sales' && b === '0')).toBe(true);
  });

  test('goes on where it was when the server dies in the middle and comes back (I1, I2)', async () => {
    const file = await writeTemporary('sales.csv', createCsv(3_000));
    let taken = 0;
    adder.behave = () => (++taken === 1_500 ? 'lose' : 'answer');
    const { ended } = startTally(['import', file, ...byId], env);
    await until(() => taken >= 1_500);
    await adder.start();
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^trying again: /) });
    expect(stdout).toMatch(/acknowledged +3000\b[^]*sum of these +4500000\n/);
    expect(adder.recorded.size).toBe(3_000);
    expect(adder.sum).toBe('4500000');
  });

  test('lists bad rows with their lines and counts the good ones', async () => {
    const file = await writeTemporary(
      'sales.csv',
      'id,note,amount\r\n1,"two\r\nlines",2\r\n2,x,1e3\r\n,x,3\r\n4,x\r\n\r\n5,x, 0.5\r\n6,x,\r\n',
    );
    const errors = await writeTemporary('errors.csv', '');
    const { code, stdout, stderr } = await runTally(['import', file, ...byId, '--errors', errors], env);
    expect(code).toBe(3);
    expect(stdout).toMatch(/rows read +6\n +acknowledged +2\n +sum of these +2.5\n +bad +4\n/);
    expect(stderr.split('\n')).toEqual([
      'bad rows, not counted:',
      '  line 4: amount must be a decimal such as -12.50, without exponent, was "1e3"',
      '  line 5: id is empty',
      '  line 6: has 2 columns, the header has 3',
      '  line 9: amount must be a decimal such as -12.50, without exponent, was ""',
      '',
    ]);
    const lines = (await readFile(errors, 'utf8')).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[2]).toBe('5,"id is empty"');
  });

  test('never writes the bad rows over the file that it reads', async () => {
    const text = 'id,amount\n1,2\n';
    const file = await writeTemporary('sales.csv', text);
    const link = `${file}.link`;
    await symlink(file, link);
    for (const errors of [file, link]) {
      const { code, stderr } = await runTally(['import', file, ...byId, '--errors', errors], env);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--errors is the file to import')]);
      expect(await readFile(file, 'utf8')).toBe(text);
    }
  });

  test('shows only the first bad rows and counts the rest', async () => {
    const input = `id,amount\n${'x,x\n'.repeat(50)}`;
    const { stderr } = await runTally(['import', '-', ...byId], env, input);
    expect(stderr.match(/line \d+/g)).toHaveLength(20);
    expect(stderr).toContain('… and 30 more');
  });

  test('takes an id that comes twice once, and reports another amount for it as a conflict (I6)', async () => {
    const input = 'id,amount\nA,1\nB,2\nA,1.0\nB,3\n';
    expect(await importJson(['-', ...byId], input)).toMatchObject({
      code: 3,
      report: {
        ...{ rows: 4, acknowledged: 2, repeated: 1, bad: 1, sum: '3' },
        repeatedRows: [{ line: 4, firstLine: 2 }],
        badRows: [
          { line: 5, problem: 'id "B" is on line 3 with another amount, which is the one that counts' },
        ],
      },
    });
    expect(adder.received).toHaveLength(2);
  });

  test('reports what the server refuses with the line', async () => {
    await runTally(['import', '-', ...byId], env, 'id,amount\nA,1\n');
    expect(await importJson(['-', ...byId], 'id,amount\nB,1\nA,2\n')).toMatchObject({
      code: 3,
      report: {
        acknowledged: 1,
        badRows: [{ line: 3, problem: 'came in an earlier import with another amount' }],
      },
    });
  });

  test('with --wait returns when every row is counted, and tells which were before', async () => {
    await runTally(['import', '-', ...byId], env, createCsv(20));
    accumulate.count(adder.recorded.values());
    const { ended, process } = startTally(['import', '-', ...byId, '--wait', '--json'], env);
    process.stdin.end(createCsv(50));
    await until(() => adder.recorded.size === 50);
    accumulate.count(adder.recorded.values());
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      counted: { rows: 50, beforeThisRun: 20, pending: 0 },
      before: { count: 20 },
      after: { count: 50, total: adder.sum },
    });
  });

  test('with --wait says how many rows were not counted in time', async () => {
    const { code, stderr } = await runTally(['import', '-', ...byId, '--wait', '200ms'], env, createCsv(3));
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /^3 acknowledged rows are in the log, but were not seen to be counted in time: not counted yet\n.*tally dead-letters list/,
    );
  });

  test('with --wait ends soon after its time when accumulate no longer answers, and says so', async () => {
    const { ended, process } = startTally(['import', '-', ...byId, '--wait', '500ms'], env);
    await until(() => accumulate.requests.length > 0);
    accumulate.silent = true;
    const startedAt = performance.now();
    process.stdin.end(createCsv(100));
    const { code, stderr } = await ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(/100 acknowledged rows .* counted in time: http\S+ did not answer within/);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });

  test('with --wait shows how many rows are new', async () => {
    accumulate.count([{ requestId: 'another', a: '1', b: '1', total: 'default' }]);
    const { ended, process } = startTally(['import', '-', ...byId, '--wait'], env);
    process.stdin.end(createCsv(5));
    await until(() => adder.recorded.size === 5);
    accumulate.count(adder.recorded.values());
    expect((await ended).stdout).toMatch(/counted +5 .*\n +new in this run +5\n/);
  });

  test('says in its help and its warning how long a row counts once', async () => {
    const help = (await runTally(['import', '--help'])).stdout;
    const { stderr } = await runTally(['import', '-', '--amount', 'a', '--name', 'x'], env, 'a\n1\n');
    for (const text of [help, stderr]) {
      expect(text).toMatch(/DEDUPE_WINDOW, 30 days by default[^]*after that counts it again/i);
    }
    expect(help.replaceAll(/\s+/g, ' ')).toContain('Ids belong to the total, not to the file');
  });

  test('with --wait finds rows that were counted with another amount long ago (I6)', async () => {
    await runTally(['import', '-', ...byId], env, 'id,amount\nA,1\n');
    accumulate.count(adder.recorded.values());
    adder.recorded.clear();
    expect(await importJson(['-', ...byId, '--wait'], 'id,amount\nA,2\n')).toMatchObject({
      code: 3,
      report: {
        badRows: [{ line: 2, problem: 'was counted earlier with another amount: 1 in default, here 2' }],
      },
    });
  });

  test('without --id tells rows apart by file, line and content, and warns of what that cannot know', async () => {
    const input = 'amount\n1\n1\n';
    const args = ['import', '-', '--amount', 'amount', '--name', 'till.csv'];
    const { code, stderr } = await runTally(args, env, input);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^warning: without --id /) });
    await runTally(args, env, input);
    expect(adder.recorded.size).toBe(2);
    await runTally([...args.slice(0, -1), 'other.csv'], env, input);
    expect(adder.recorded.size).toBe(4);
  });

  test.each([
    [
      'an unknown column',
      ['-', '--amount', 'price', '--id', 'id'],
      'there is no column "price"; the header has "id"',
    ],
    ['a file that does not exist', ['/nowhere.csv', ...byId], 'cannot read: ENOENT'],
    ['a directory', ['/', ...byId], 'is a directory'],
    ['standard input without a name', ['-', '--amount', 'amount'], 'standard input has no name'],
    ['no amount column', ['-'], "required option '--amount <column>'"],
  ])('does nothing for %s', async (_, args, message) => {
    const { code, stdout, stderr } = await runTally(['import', ...args], env, 'id,amount\n1,2\n');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(adder.received).toHaveLength(0);
  });

  test('guesses the delimiter that a header has instead', async () => {
    const { stdout, stderr } = await runTally(['import', '-', ...byId], env, 'id;amount\n1;2\n');
    expect(stdout).toBe('');
    expect(stderr).toContain(`the header has "id;amount"; give --delimiter ';' if that is between them`);
  });

  test('stops where the file is no longer CSV, with everything before it acknowledged', async () => {
    const { code, stdout, stderr } = await runTally(['import', '-', ...byId], env, 'id,amount\nA,1\nB,"2\n');
    expect(code).toBe(2);
    expect(stdout).toMatch(/acknowledged +1\n/);
    expect(stderr).toContain('stopped: not CSV from line 3 on: a quote is opened and never closed');
  });

  test('gives up when the server stays away, and says what is known (I7)', async () => {
    adder.behave = ({ a }) => (a === '0.5' ? 'answer' : statusOf(status.UNAVAILABLE, 'the sink is away'));
    const { code, stderr } = await runTally(
      ['import', '-', ...byId, '--patience', '500ms'],
      env,
      createCsv(5),
    );
    expect(code).toBe(4);
    expect(stderr).toContain('gave up: nothing was answered for 0.5 s; last: the sink is away');
    expect(stderr).toContain(
      '1 rows were acknowledged, the rest may be counted or not. Run the same command again',
    );
  });

  test('interrupted, finishes what was sent and says how to go on', async () => {
    const child = startTally(['import', '-', ...byId, '--json'], env);
    child.process.stdin.write(createCsv(100));
    // The parser keeps the last row until it knows what follows.
    await until(() => adder.recorded.size === 99);
    child.process.kill('SIGINT');
    const { code, stdout, stderr } = await child.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ finished: false, acknowledged: 99 });
    expect(stderr).toContain(
      'interrupted: 99 rows were acknowledged, the rest was not sent. Run the same command again',
    );
  });

  test('interrupted while rows have no answer, says that these may be counted (I7)', async () => {
    adder.behave = ({ a }) => (a === '0.5' ? 'answer' : 'ignore');
    const seen = adder.received.length;
    const child = startTally(['import', '-', ...byId], env);
    child.process.stdin.write(createCsv(10));
    await until(() => adder.received.length >= seen + 9);
    child.process.kill('SIGINT');
    const { code, stderr } = await child.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /interrupted: \d rows were acknowledged, \d may be counted or not, the rest was not sent\./,
    );
  });
});
