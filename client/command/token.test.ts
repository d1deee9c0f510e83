// The token that the command sends to add, against the real function and a real issuer.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { type FakeSink, Harness } from '../../functions/add/harness.ts';
import { audience, OidcIssuer } from '../../test/oidc-issuer.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { createTallyClient } from '../client.ts';
import { runTally, startTally, until, writeTemporary } from '../testing/command.ts';

const harness = new Harness();
let sink: FakeSink;
let issuer: OidcIssuer;
let env: Record<string, string>;
let file: string;

beforeEach(async () => {
  sink = await harness.sink();
  issuer = await OidcIssuer.start();
  const { port } = await harness.add({
    K_SINK: sink.url,
    ADD_OIDC_ISSUER: issuer.url,
    ADD_OIDC_AUDIENCE: audience,
  });
  env = { TALLY_ADD: `127.0.0.1:${port}` };
  file = join(makeTempDir(), 'token');
  writeFileSync(file, `${await issuer.token()}\n`);
});
afterEach(() => harness.stop());

const seconds = (): number => Math.floor(Date.now() / 1_000);
const added = { code: 0, stdout: '5\n', stderr: '' };

test('tally add sends the token of --token-file, TALLY_TOKEN_FILE or TALLY_TOKEN, the first of them', async () => {
  const token = await issuer.token();
  const wrong = { TALLY_TOKEN_FILE: '/no/such/file', TALLY_TOKEN: 'wrong' };
  expect(await runTally(['add', '2', '3', '--token-file', file], { ...env, ...wrong })).toEqual(added);
  expect(await runTally(['add', '2', '3'], { ...env, TALLY_TOKEN: 'x', TALLY_TOKEN_FILE: file })).toEqual(
    added,
  );
  expect(await runTally(['add', '2', '3'], { ...env, TALLY_TOKEN: token })).toEqual(added);
  expect(sink.ids).toHaveLength(3);
});

test.each([
  ['none', async () => Promise.resolve({}), 'a bearer token is needed, there is none'],
  [
    'one that has expired',
    async () => ({ TALLY_TOKEN: await issuer.token({ exp: seconds() - 90 }) }),
    '"exp" claim',
  ],
  [
    'a file that is not there',
    async () => Promise.resolve({ TALLY_TOKEN_FILE: '/no/such' }),
    'no token from /no/such',
  ],
])('tally add with %s adds nothing, says so at once and ends with 3', async (_, token, says) => {
  const { code, stdout, stderr } = await runTally(['add', '2', '3'], { ...env, ...(await token()) });
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr).toMatch(/^not counted: /);
  expect(stderr).toContain(says);
  expect(stderr).not.toContain('trying again');
  expect(sink.ids).toEqual([]);
});

test('what is not a token is wrong usage, and is not shown', async () => {
  const { code, stderr } = await runTally(['add', '2', '3'], { ...env, TALLY_TOKEN: 'secret token' });
  expect(code).toBe(2);
  expect(stderr).toContain('TALLY_TOKEN should be a token');
  expect(stderr).not.toContain('secret');
});

test('the command to settle an outcome names the file again, and never a token', async () => {
  const args = ['add', '2', '3', '--id', randomUUID(), '--timeout', '1s', '--token-file', file];
  sink.hold();
  const { code, stderr } = await runTally(args, { ...env, TALLY_TOKEN: 'secret' });
  expect(code).toBe(4);
  expect(stderr).toContain(`--token-file ${file}`);
  expect(stderr).not.toContain('secret');
});

test('tally import goes on with the next token when the first one expires in the middle (I1, I2)', async () => {
  const rows = 400;
  const csv = await writeTemporary(
    'sales.csv',
    `id,amount\n${Array.from({ length: rows }, (_, index) => `${index},1`).join('\n')}\n`,
  );
  const exp = seconds() - 56;
  writeFileSync(file, await issuer.token({ exp }));
  const gate = sink.hold();
  const child = startTally(
    ['import', csv, '--amount', 'amount', '--id', 'id', '--token-file', file, '--json'],
    env,
  );
  await until(() => sink.ids.length > 0);
  writeFileSync(file, await issuer.token({ jti: randomUUID() }));
  // The stream takes no more from then on.
  await until(() => Date.now() > (exp + 60) * 1_000);
  gate.open();
  const { code, stdout, stderr } = await child.ended;
  expect([code, stderr]).toEqual([0, expect.stringContaining('the bearer token has expired')]);
  expect(JSON.parse(stdout)).toMatchObject({ rows, acknowledged: rows, sum: `${rows}`, finished: true });
  expect(new Set(sink.ids).size).toBe(rows);
});

test('the library sends what it is given for each call', async () => {
  const given: string[] = [];
  const tokens = [await issuer.token(), await issuer.token({ jti: '2' })];
  const token = (): string => {
    const next = tokens[given.length] ?? '';
    given.push(next);
    return next;
  };
  const client = createTallyClient({ add: env['TALLY_ADD'], token });
  await client.add({ a: '2', b: '3' });
  const results = await Array.fromAsync(
    client.addAll([
      { a: '2', b: '3' },
      { a: '4', b: '5' },
    ]),
  );
  expect(results.map((result) => result.error)).toEqual([undefined, undefined]);
  expect(given).toEqual(tokens);
  await client.close();
  expect(sink.ids).toHaveLength(3);
});
