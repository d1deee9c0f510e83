// The local system with an issuer: each of its functions asks for tokens of its own, and the log has one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { runTally } from '../client/testing/command.ts';
import { startLocalSystem } from './local-system.ts';
import { OidcIssuer } from './oidc-issuer.ts';
import { sumEvent } from './sum-event.ts';
import { makeTempDir } from './temp-dir.ts';

test('npm start with OIDC_ISSUER and ADD_OIDC_ISSUER counts what comes with tokens, and nothing else', async () => {
  const issuer = await OidcIssuer.start();
  const directory = makeTempDir();
  const logToken = join(directory, 'log-token');
  const callerToken = join(directory, 'caller-token');
  writeFileSync(logToken, await issuer.token({ aud: 'accumulate', sub: 'log' }));
  writeFileSync(callerToken, await issuer.token({ aud: 'add', sub: 'shop' }));
  const system = startLocalSystem({
    DATA_DIR: join(directory, 'data'),
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: 'accumulate',
    OIDC_SUBJECTS: 'log',
    SUBSCRIBER_TOKEN_FILE: logToken,
    ADD_OIDC_ISSUER: issuer.url,
    ADD_OIDC_AUDIENCE: 'add',
  });
  const accumulate = `http://${(await system.part('accumulate')).address}`;
  const env = { TALLY_ADD: (await system.part('add')).address, TALLY_URL: accumulate };

  const good = await runTally(['add', '2', '3', '--wait', '--token-file', callerToken], env);
  expect(good).toEqual({ code: 0, stdout: '5\n', stderr: '' });
  expect(await runTally(['add', '2', '3'], env)).toMatchObject({ code: 3 });
  // Tokens for one function are none for the other.
  expect(await runTally(['add', '2', '3', '--token-file', logToken], env)).toMatchObject({ code: 3 });
  const { headers, body } = sumEvent('forged', '100');
  const authorization = `Bearer ${await issuer.token({ aud: 'add', sub: 'log' })}`;
  for (const more of [{}, { authorization }]) {
    const answer = await fetch(accumulate, { method: 'POST', headers: { ...headers, ...more }, body });
    expect(answer.status).toBe(401);
  }
  expect(await runTally(['total'], env)).toMatchObject({ stdout: '5\n' });
  expect(system.output()).not.toContain('nobody is asked');
});

test('npm start with OIDC_ISSUER needs a token for its log', async () => {
  const system = startLocalSystem({
    DATA_DIR: makeTempDir(),
    OIDC_ISSUER: 'https://issuer.example.com',
    OIDC_AUDIENCE: 'accumulate',
  });
  expect(await system.ended()).toBe(78);
  expect(system.output()).toContain('SUBSCRIBER_TOKEN_FILE should be a file with a token for accumulate');
});

test('a function warns at its start when others than this machine can add', async () => {
  const open = startLocalSystem({ DATA_DIR: makeTempDir(), HOST: '0.0.0.0' });
  await open.part('add');
  const warnings = open.output().matchAll(/"part":"(\w+)","msg":"whoever reaches this port can add/g);
  expect([...warnings].map(([, part]) => part).toSorted()).toEqual(['accumulate', 'add', 'log']);
  const closed = startLocalSystem({ DATA_DIR: makeTempDir() });
  await closed.part('add');
  expect(closed.output()).not.toContain('whoever reaches');
});
