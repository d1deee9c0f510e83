import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';

import { runTally, tallyPath } from '../testing/command.ts';
import { FakeAccumulate } from '../testing/fake-accumulate.ts';

const requestId = randomUUID();
let accumulate: FakeAccumulate;
let env: Record<string, string>;

beforeAll(async () => {
  accumulate = await new FakeAccumulate().start();
  accumulate.count([
    { requestId, a: '2', b: '0.5', total: 'default' },
    { requestId: randomUUID(), a: '100', b: '0', total: 'votes' },
  ]);
  env = { ACCUMULATE_PORT: String(accumulate.port) };
});

afterAll(() => accumulate.stop());

test.each([
  ['total', ['total'], 0, '2.5\n'],
  ['total of a name', ['total', 'votes'], 0, '100\n'],
  ['total of an unknown name', ['total', 'nothing'], 5, ''],
  ['total of a name that is none', ['total', 'No'], 3, ''],
  ['status', ['status', randomUUID()], 5, ''],
  ['status of what is no id', ['status', 'x'], 3, ''],
  ['status of what is no id of add', ['status', 'x', '--source', '/functions/add'], 3, ''],
  ['status of an id of another source', ['status', 'x', '--source', '/my/shop'], 5, ''],
  ['nothing that exists', ['sum'], 2, ''],
])('tally %s', async (_, args, code, stdout) => {
  expect(await runTally(args, env)).toMatchObject({ code, stdout });
});

test('tally status says when the request was counted', async () => {
  const { code, stdout } = await runTally(['status', requestId.toUpperCase()], env);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^counted: 2 \+ 0.5 = 2.5 in default at \d{4}-.*Z\n$/);
});

test('tally totals is a table, and a document with --json', async () => {
  const { stdout } = await runTally(['totals'], env);
  expect(stdout.split('\n').slice(0, 2)).toEqual([
    'NAME     TOTAL  REQUESTS  UPDATED',
    expect.stringMatching(/^default {2}2.5 {4}1 {9}\d{4}-/),
  ]);
  const json = await runTally(['totals', '--json'], env);
  expect(JSON.parse(json.stdout)).toMatchObject({ totals: [{ name: 'default' }, { name: 'votes' }] });
});

test('an address that nobody listens on ends with its own code, and names the address', async () => {
  const { code, stdout } = await runTally(['total', '--json', '--url', 'http://localhost:1']);
  expect(code).toBe(6);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'unavailable' } });
  expect(stdout).toContain('http://localhost:1');
});

test.each([
  ['total --url', 'localhost:1', 'It must be an http:// or https:// address'],
  ['add 1 2 --add', 'localhost', 'It must be HOST:PORT'],
  ['total --add', 'localhost:1', "unknown option '--add'"],
])('%s of another shape, or where it means nothing, is wrong usage', async (command, value, message) => {
  const { code, stderr } = await runTally([...command.split(' '), value]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test('a variable that is not as it should be is named', async () => {
  const { code, stderr } = await runTally(['total'], { TALLY_URL: 'localhost' });
  expect(code).toBe(2);
  expect(stderr).toContain('TALLY_URL was "localhost"');
});

test.each([
  ['status', 'nope', /^tally: request-id must be a UUID.*"nope"/],
  ['total', 'No', /^tally: name must be 1 to 63 of.*"No"/],
])('tally %s says which argument is wrong', async (command, argument, message) => {
  expect(await runTally([command, argument], env)).toMatchObject({
    stderr: expect.stringMatching(message),
  });
});

test('tally status does not claim more than is known of an id that is not found', async () => {
  const id = randomUUID();
  expect(await runTally(['status', id], env)).toMatchObject({
    stderr:
      `request ${id} is not known to be counted ` +
      "(ids are remembered for accumulate's DEDUPE_WINDOW, 30 days by default). " +
      `If it was acknowledged, look in the dead letters: ${tallyPath} dead-letters list\n`,
  });
});

test.each([
  ['total', ['total']],
  ['status', ['status', requestId]],
])('tally %s of a server that is not accumulate says so with the address', async (_, args) => {
  const url = `${accumulate.url}/elsewhere`;
  const { code, stderr } = await runTally([...args, '--url', url]);
  expect(code).toBe(3);
  expect(stderr).toContain(`${url}/ is not accumulate`);
});
