import { expect, test } from '@jest/globals';

import { ConfigError, EnvReader } from './env.ts';
import { messageOf } from './errors.ts';
import { createLog } from './log.ts';
import { readTokenRules, type TokenRules, warnOfStrangers } from './token-rules.ts';

type Env = Readonly<Record<string, string>>;

function read(env: Env, prefix: '' | 'ADD_' = ''): TokenRules | undefined {
  const reader = new EnvReader(env);
  const rules = readTokenRules(reader, prefix);
  reader.done();
  return rules;
}

const issuer = 'https://issuer.example.com';

test('without an issuer nobody is asked who they are', () => {
  expect(read({})).toBeUndefined();
  expect(read({ OIDC_ISSUER: issuer, OIDC_AUDIENCE: 'tally' }, 'ADD_')).toBeUndefined();
});

test.each([
  ['', {}],
  ['/', {}],
  ['/realms/a', {}],
  ['/realms/a/', {}],
])('an issuer with the path "%s" is discovered below it, its keys too', (path) => {
  expect(read({ ADD_OIDC_ISSUER: issuer + path, ADD_OIDC_AUDIENCE: 'tally' }, 'ADD_')).toEqual({
    issuer: issuer + path,
    discoveryUrl: new URL(`${issuer}${path.replace(/\/$/, '')}/.well-known/openid-configuration`),
    jwksUrl: undefined,
    authorities: undefined,
    tokenFile: undefined,
    audience: 'tally',
    subjects: new Set(),
    keysMaxAgeMs: 600_000,
  });
});

test('kubernetes is the API server, whatever it calls itself and wherever it says that its keys are', () => {
  expect(read({ OIDC_ISSUER: 'kubernetes', OIDC_AUDIENCE: 'tally' })).toMatchObject({
    issuer: undefined,
    discoveryUrl: new URL('https://kubernetes.default.svc/.well-known/openid-configuration'),
    jwksUrl: new URL('https://kubernetes.default.svc/openid/v1/jwks'),
  });
});

test('subjects are parted by commas', () => {
  const rules = read({ OIDC_ISSUER: issuer, OIDC_AUDIENCE: 'tally', OIDC_SUBJECTS: 'a:b, c' });
  expect(rules?.subjects).toEqual(new Set(['a:b', 'c']));
});

const good = { OIDC_ISSUER: issuer, OIDC_AUDIENCE: 'tally' };

test.each<[string, Env, RegExp]>([
  ['no audience', { OIDC_ISSUER: issuer }, /OIDC_AUDIENCE is unset, should be/],
  ['an issuer in clear', { ...good, OIDC_ISSUER: 'http://issuer.example.com' }, /OIDC_ISSUER was "http:/],
  ['an issuer that is no address', { ...good, OIDC_ISSUER: 'issuer' }, /OIDC_ISSUER was "issuer", should be/],
  ['an issuer with a blank', { ...good, OIDC_ISSUER: `${issuer} ` }, /OIDC_ISSUER was "https:.* "/],
  ['an issuer with a query', { ...good, OIDC_ISSUER: `${issuer}/?a=b` }, /OIDC_ISSUER was/],
  ['an issuer with a password', { ...good, OIDC_ISSUER: 'https://me:pw@issuer' }, /OIDC_ISSUER was/],
  ['keys with a line break', { ...good, OIDC_JWKS_URL: `${issuer}/k\n` }, /OIDC_JWKS_URL was/],
  ['an audience with a line break', { ...good, OIDC_AUDIENCE: 'tally\n' }, /OIDC_AUDIENCE was "tally\\n"/],
  ['keys in clear', { ...good, OIDC_JWKS_URL: 'http://issuer.example.com/k' }, /OIDC_JWKS_URL was/],
  ['a subject without a name', { ...good, OIDC_SUBJECTS: 'a,,b' }, /OIDC_SUBJECTS was "a,,b"/],
  ['authorities that are a path', { ...good, OIDC_CA_CERTS: '/ca.pem' }, /OIDC_CA_CERTS was .* PEM/],
  ['a token that is not there', { ...good, OIDC_TOKEN_FILE: '/no/such/file' }, /OIDC_TOKEN_FILE was/],
  ['keys that are used for long', { ...good, OIDC_KEYS_MAX_AGE: '2d' }, /OIDC_KEYS_MAX_AGE was "2d"/],
  ['an audience alone', { OIDC_AUDIENCE: 'tally' }, /OIDC_AUDIENCE is set without OIDC_ISSUER/],
  ['subjects alone', { OIDC_SUBJECTS: 'a' }, /OIDC_SUBJECTS is set without OIDC_ISSUER/],
])('%s is a problem of the configuration', (_, env, says) => {
  let error: unknown;
  try {
    read(env);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ConfigError);
  expect(messageOf(error)).toMatch(says);
  // One cause, one problem.
  expect(messageOf(error).split('\n')).toHaveLength(2);
});

test.each<[string | undefined, TokenRules | undefined, number]>([
  [undefined, undefined, 1],
  ['0.0.0.0', undefined, 1],
  ['127.0.0.1', undefined, 0],
  ['localhost', undefined, 0],
  ['::1', undefined, 0],
  ['127.example.com', undefined, 1],
  [undefined, read(good), 0],
])('on %s with rules %j a start warns of strangers %d times', async (host, tokens, times) => {
  const log = await createLog('test', 'silent');
  const warnings: string[] = [];
  const watched = Object.assign(Object.create(log) as typeof log, {
    warn: (text: string) => warnings.push(text),
  });
  warnOfStrangers(watched, { host, tokens }, 'set OIDC_ISSUER');
  expect(warnings).toHaveLength(times);
  expect(warnings.every((text) => text.includes('OIDC_ISSUER'))).toBe(true);
});
