import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

import { beforeEach, describe, expect, test } from '@jest/globals';
import pino from 'pino';

import { audience, OidcIssuer, subject } from '../test/oidc-issuer.ts';
import { cert, key } from '../test/oidc-tls.ts';
import { makeTempDir } from '../test/temp-dir.ts';
import { until } from '../test/until.ts';
import { EnvReader } from './env.ts';
import { toAppError } from './errors.ts';
import { pauseMs } from './token-keys.ts';
import { readTokenRules, type TokenRules } from './token-rules.ts';
import { type Caller, TokenVerifier } from './tokens.ts';

const minute = 60_000;
const maxAgeMs = 10 * minute;
const seconds = (): number => Math.floor(Date.now() / 1_000);

let issuer: OidcIssuer;
let nowMs: number;
let lines: { level: string; msg: string; refusals?: number }[];

beforeEach(async () => {
  issuer = await OidcIssuer.start();
  nowMs = Date.now();
  lines = [];
});

function rulesOf(env: Readonly<Record<string, string>> = {}): TokenRules {
  const reader = new EnvReader({ OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: audience, ...env });
  const rules = readTokenRules(reader, '');
  reader.done();
  if (rules === undefined) throw new Error('there are no rules');
  return rules;
}

function createVerifier(rules = rulesOf()): TokenVerifier {
  const log = pino(
    { formatters: { level: (level) => ({ level }) } },
    { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) },
  );
  return new TokenVerifier(rules, log, () => nowMs);
}

/** Whose the token is, or the code with which it is refused. */
async function outcome(verifier: TokenVerifier, ...authorization: string[]): Promise<string> {
  try {
    return (await verifier.check(authorization)).subject;
  } catch (error) {
    return toAppError(error).code;
  }
}

const bearer = (token: string): string => `Bearer ${token}`;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token is accepted', () => {
  test.each([
    ['that is good', {}],
    ['for several audiences, one of them ours', { aud: ['other', audience] }],
    ['that expired less than a minute ago, as clocks differ', { exp: seconds() - 50 }],
    ['that is good in less than a minute', { nbf: seconds() + 50 }],
  ])('%s', async (_, claims) => {
    const verifier = createVerifier();
    expect(await outcome(verifier, bearer(await issuer.token(claims)))).toBe(subject);
  });

  test.each(['Bearer', 'bearer', 'BEARER'])('with its scheme written %s', async (scheme) => {
    const verifier = createVerifier();
    expect(await outcome(verifier, `${scheme} ${await issuer.token()}`)).toBe(subject);
  });

  test('of every subject, or of those alone that are allowed', async () => {
    const verifier = createVerifier(rulesOf({ OIDC_SUBJECTS: `x, ${subject}` }));
    const allowed = bearer(await issuer.token());
    const other = bearer(await issuer.token({ sub: 'someone' }));
    expect(await outcome(verifier, allowed)).toBe(subject);
    expect(await outcome(verifier, other)).toBe('forbidden');
    // From memory too.
    expect(await outcome(verifier, other)).toBe('forbidden');
    expect(await outcome(createVerifier(), other)).toBe('someone');
  });

  test('from memory the second time, with what it expires at', async () => {
    const verifier = createVerifier();
    const exp = seconds() + 600;
    const token = bearer(await issuer.token({ exp }));
    const caller: Caller = { subject, expiresAtMs: (exp + 60) * 1_000 };
    expect(await verifier.check([token])).toEqual(caller);
    expect(verifier.check([token])).toEqual(caller);
  });

  test('from memory, where the last thousand are', async () => {
    const verifier = createVerifier();
    const first = bearer(await issuer.token());
    await verifier.check([first]);
    for (let count = 0; count < 999; count++)
      await verifier.check([bearer(await issuer.token({ jti: `${count}` }))]);
    expect(verifier.check([first])).toMatchObject({ subject });
    await verifier.check([bearer(await issuer.token({ jti: 'one more' }))]);
    const again = verifier.check([first]);
    expect(again).toBeInstanceOf(Promise);
    expect(await again).toMatchObject({ subject });
  });

  test('by keys at OIDC_JWKS_URL, and nothing is discovered', async () => {
    const verifier = createVerifier(rulesOf({ OIDC_JWKS_URL: `${issuer.url}/keys` }));
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe(subject);
    expect(issuer.requests.map(({ path }) => path)).toEqual(['/keys']);
  });
});

describe('a token that does not say which key it is signed with', () => {
  const unnamed = { kid: undefined };

  test('is accepted by whichever of the published keys fits', async () => {
    const old = bearer(await issuer.token({}, unnamed));
    issuer.rotate();
    const fresh = bearer(await issuer.token({}, unnamed));
    const verifier = createVerifier();
    expect(await outcome(verifier, old)).toBe(subject);
    expect(await outcome(verifier, fresh)).toBe(subject);
  });

  test('is not refused for good while the key may have been published since', async () => {
    const verifier = createVerifier();
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe(subject);
    issuer.rotate();
    issuer.withdrawOldKeys();
    const fresh = bearer(await issuer.token({}, unnamed));
    expect(await outcome(verifier, fresh)).toBe('unavailable');
    nowMs += pauseMs;
    expect(await outcome(verifier, fresh)).toBe(subject);
  });

  test.each([1, 3])('is refused where none of %d keys fits', async (count) => {
    for (let n = 1; n < count; n++) issuer.rotate();
    const impostor = await OidcIssuer.start();
    const forged = bearer(await impostor.token({ iss: issuer.url }, unnamed));
    const verifier = createVerifier();
    await outcome(verifier, bearer(await issuer.token()));
    nowMs += pauseMs;
    expect(await outcome(verifier, forged)).toBe('unauthenticated');
  });

  test('is refused for what it says, whichever key fits', async () => {
    issuer.rotate();
    const expired = bearer(await issuer.token({ exp: seconds() - 90 }, unnamed));
    expect(await outcome(createVerifier(), expired)).toBe('unauthenticated');
  });
});

test.each(['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])('a token may call itself %s', async (typ) => {
  expect(await outcome(createVerifier(), bearer(await issuer.token({}, { typ })))).toBe(subject);
});

describe('a token is refused for good', () => {
  test.each(['logout+jwt', 'secevent+jwt', 'dpop+jwt', ''])('that calls itself "%s"', async (typ) => {
    const verifier = createVerifier();
    expect(await outcome(verifier, bearer(await issuer.token({}, { typ })))).toBe('unauthenticated');
  });

  test.each([
    ['that has expired', { exp: seconds() - 90 }],
    ['that is not valid yet', { nbf: seconds() + 90 }],
    ['for another audience', { aud: 'other' }],
    ['for several audiences, none of them ours', { aud: ['other', 'tally2'] }],
    ['for no audience', { aud: undefined }],
    ['of another issuer', { iss: 'https://elsewhere.example.com' }],
    ['of no issuer', { iss: undefined }],
    ['of nobody', { sub: undefined }],
    ['of somebody without a name', { sub: '' }],
    ['that never expires', { exp: undefined }],
    ['that its sender has to prove a key for', { cnf: { jkt: 'x' } }],
  ])('%s', async (_, claims) => {
    const verifier = createVerifier();
    expect(await outcome(verifier, bearer(await issuer.token(claims)))).toBe('unauthenticated');
  });

  test('that is not signed at all', async () => {
    const [, payload = ''] = (await issuer.token()).split('.');
    const verifier = createVerifier();
    for (const alg of ['none', 'None']) {
      for (const signature of ['', 'c2ln']) {
        const token = `${encode({ alg, kid: issuer.kid })}.${payload}.${signature}`;
        expect(await outcome(verifier, bearer(token))).toBe('unauthenticated');
      }
    }
  });

  test('that is signed with the public key as if it were a secret', async () => {
    const [, payload = ''] = (await issuer.token()).split('.');
    const verifier = createVerifier();
    for (const format of ['spki', 'pkcs1'] as const) {
      const secret = issuer.publicKey.export({ type: format, format: 'pem' });
      const signed = `${encode({ alg: 'HS256', kid: issuer.kid })}.${payload}`;
      const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
      expect(await outcome(verifier, bearer(token))).toBe('unauthenticated');
    }
  });

  test('that was changed after it was signed', async () => {
    const [header = '', , signature = ''] = (await issuer.token()).split('.');
    const payload = encode({ iss: issuer.url, sub: 'root', aud: audience, exp: seconds() + 600 });
    const verifier = createVerifier();
    expect(await outcome(verifier, bearer(`${header}.${payload}.${signature}`))).toBe('unauthenticated');
  });

  test('that another signed in the name of a published key', async () => {
    const impostor = await OidcIssuer.start();
    const token = await impostor.token({ iss: issuer.url }, { kid: issuer.kid });
    expect(await outcome(createVerifier(), bearer(token))).toBe('unauthenticated');
  });

  test.each([
    ['without a header', []],
    ['with another scheme', ['Basic YTpi']],
    ['with a scheme alone', ['Bearer']],
    ['with two tokens in one header', ['Bearer a.b.c, Bearer d.e.f']],
    ['that is no JWT', ['Bearer abc']],
  ])('%s', async (_, authorization) => {
    const verifier = createVerifier();
    expect(await outcome(verifier, ...authorization)).toBe('unauthenticated');
  });

  test('that is too long, although it is good', async () => {
    const verifier = createVerifier();
    const token = await issuer.token({ roles: 'a'.repeat(6_200) });
    expect(token.length).toBeGreaterThan(8_192);
    expect(await outcome(verifier, bearer(token))).toBe('unauthenticated');
    expect(await outcome(verifier, bearer(await issuer.token({ roles: 'a'.repeat(5_000) })))).toBe(subject);
  });

  test('beside another one, although each is good', async () => {
    const token = bearer(await issuer.token());
    const verifier = createVerifier();
    expect(await outcome(verifier, token)).toBe(subject);
    expect(await outcome(verifier, token, token)).toBe('unauthenticated');
  });

  test('when it expires, also from memory', async () => {
    const verifier = createVerifier();
    const token = bearer(await issuer.token({ exp: seconds() + 30 }));
    expect(await outcome(verifier, token)).toBe(subject);
    nowMs += 80_000;
    expect(await outcome(verifier, token)).toBe(subject);
    nowMs += 20_000;
    expect(await outcome(verifier, token)).toBe('unauthenticated');
  });

  test('and that is said once a minute, with whose it was', async () => {
    const verifier = createVerifier();
    const token = bearer(await issuer.token({ exp: seconds() - 90 }));
    for (let count = 0; count < 5; count++) await outcome(verifier, token);
    expect(lines).toHaveLength(1);
    expect(lines).toMatchObject([{ level: 'warn', refusals: 1, msg: expect.stringContaining(subject) }]);
    nowMs += minute;
    await outcome(verifier, token);
    expect(lines.at(-1)).toMatchObject({ level: 'warn', refusals: 5 });
    expect(JSON.stringify(lines)).not.toContain(token.slice(0, 40));
  });
});

test('what anybody can do does not hide what happens to a source of the issuer', async () => {
  const verifier = createVerifier(rulesOf({ OIDC_SUBJECTS: subject }));
  await outcome(verifier, 'Bearer');
  await outcome(verifier, bearer(await issuer.token({ aud: 'other' })));
  await outcome(verifier, bearer(await issuer.token({ sub: 'x'.repeat(500) })));
  expect(lines.map(({ msg }) => msg)).toEqual([
    expect.stringContaining('is not "Bearer" and a token'),
    expect.stringContaining(`"other", of "${subject.slice(0, 10)}`),
    expect.stringMatching(/^turned away: "x{40}"… may not do this/),
  ]);
});

describe('keys that rotate', () => {
  test('are asked for at the start, before there is a token', async () => {
    createVerifier();
    await until('they are asked for', () => issuer.questions === 1);
  });

  test('are asked for again when the clock was set back: nobody knows how old they are', async () => {
    const verifier = createVerifier();
    const token = bearer(await issuer.token());
    expect(await outcome(verifier, token)).toBe(subject);
    nowMs -= minute;
    expect(await outcome(verifier, token)).toBe(subject);
    expect(issuer.questions).toBe(2);
    await issuer.stop();
    nowMs -= minute;
    expect(await outcome(verifier, token)).toBe('unavailable');
  });

  test('are learned without a restart, the new and the old one good', async () => {
    const verifier = createVerifier();
    const old = bearer(await issuer.token());
    expect(await outcome(verifier, old)).toBe(subject);
    issuer.rotate();
    const fresh = bearer(await issuer.token());
    // Who comes at once may be right: a source tries again.
    expect(await outcome(verifier, fresh)).toBe('unavailable');
    nowMs += pauseMs;
    expect(await outcome(verifier, fresh)).toBe(subject);
    expect(await outcome(verifier, old)).toBe(subject);
    expect(issuer.questions).toBe(2);
  });

  test('are no longer good once the issuer withdrew them, at the latest after OIDC_KEYS_MAX_AGE', async () => {
    const verifier = createVerifier();
    const old = bearer(await issuer.token({ exp: seconds() + 86_400 }));
    expect(await outcome(verifier, old)).toBe(subject);
    issuer.rotate();
    issuer.withdrawOldKeys();
    nowMs += maxAgeMs / 2 - 1;
    expect(await outcome(verifier, old)).toBe(subject);
    nowMs += maxAgeMs / 2 + 1;
    expect(await outcome(verifier, old)).toBe('unauthenticated');
  });

  test('are no longer good when they are asked for, also from memory, as soon as others are known', async () => {
    const verifier = createVerifier();
    const old = bearer(await issuer.token());
    expect(await outcome(verifier, old)).toBe(subject);
    issuer.rotate();
    issuer.withdrawOldKeys();
    nowMs += pauseMs;
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe(subject);
    // The keys are some seconds old by now, and may have changed again.
    expect(await outcome(verifier, old)).toBe('unavailable');
    nowMs += pauseMs;
    expect(await outcome(verifier, old)).toBe('unauthenticated');
  });

  test('are asked for once in each pause, however many tokens name keys that are not there', async () => {
    const verifier = createVerifier();
    const flood = await Promise.all(
      Array.from({ length: 100 }, (_, index) => issuer.token({}, { kid: `unknown-${index}` })),
    );
    const outcomes = async () => Promise.all(flood.map((token) => outcome(verifier, bearer(token))));
    await outcomes();
    expect(issuer.questions).toBe(1);
    expect(new Set(await outcomes())).toEqual(new Set(['unavailable']));
    expect(issuer.questions).toBe(1);
    nowMs += pauseMs;
    expect(new Set(await outcomes())).toEqual(new Set(['unauthenticated']));
    expect(issuer.questions).toBe(2);
  });
});

describe('an issuer that is away', () => {
  test('keeps those waiting that name a key that is not known, and nobody else', async () => {
    const verifier = createVerifier();
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe(subject);
    const hanging = new Set<() => void>();
    issuer.misbehave = (response) => hanging.add(() => response.writeHead(500).end());
    nowMs += pauseMs;
    const unknown = bearer(await issuer.token({}, { kid: 'unknown' }));
    const flood = Array.from({ length: 1_500 }, () => outcome(verifier, unknown));
    await until('the issuer is asked', () => hanging.size > 0);
    expect(await outcome(verifier, bearer(await issuer.token({ jti: 'new' })))).toBe(subject);
    for (const answer of hanging) answer();
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['unavailable', 'overloaded']));
  });

  test('at the start lets nobody in and refuses nobody for good, until it is back', async () => {
    await issuer.stop();
    const verifier = createVerifier();
    const token = bearer(await issuer.token());
    const garbage = 'Bearer abc';
    expect(await outcome(verifier, token)).toBe('unavailable');
    expect(await outcome(verifier, 'Bearer')).toBe('unauthenticated');
    expect(await outcome(verifier, garbage)).toBe('unavailable');
    await issuer.startAgain();
    expect(await outcome(verifier, token)).toBe('unavailable');
    nowMs += pauseMs;
    expect(await outcome(verifier, token)).toBe(subject);
    expect(lines).toMatchObject([
      { level: 'error', msg: expect.stringContaining('ECONNREFUSED') },
      { level: 'warn' },
    ]);
  });

  test('later is not felt while its keys are fresh, and then lets nobody in', async () => {
    const verifier = createVerifier();
    const token = bearer(await issuer.token({ exp: seconds() + 86_400 }));
    expect(await outcome(verifier, token)).toBe(subject);
    await issuer.stop();
    nowMs += maxAgeMs - 1;
    expect(await outcome(verifier, token)).toBe(subject);
    expect(await outcome(verifier, bearer(await issuer.token({ jti: 'another' })))).toBe(subject);
    nowMs += 1;
    expect(await outcome(verifier, token)).toBe('unavailable');
    await issuer.startAgain();
    nowMs += pauseMs;
    expect(await outcome(verifier, token)).toBe(subject);
  });

  test('is asked again in good time, so that a short absence is not felt', async () => {
    const verifier = createVerifier();
    const token = bearer(await issuer.token());
    await outcome(verifier, token);
    nowMs += maxAgeMs / 2;
    expect(await outcome(verifier, token)).toBe(subject);
    await until('it was asked again', () => issuer.questions === 2);
  });

  test('is not asked more often than once in each pause', async () => {
    issuer.misbehave = (response) => response.writeHead(500).end();
    const verifier = createVerifier();
    const token = bearer(await issuer.token());
    for (let count = 0; count < 50; count++) await outcome(verifier, token);
    expect(issuer.requests).toHaveLength(1);
    nowMs += pauseMs;
    for (let count = 0; count < 50; count++) await outcome(verifier, token);
    expect(issuer.requests).toHaveLength(2);
  });

  test('makes at most a thousand wait', async () => {
    issuer.misbehave = () => undefined;
    const verifier = createVerifier();
    const waiting = Array.from({ length: 1_000 }, (_, index) => outcome(verifier, `Bearer a.b.${index}`));
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe('overloaded');
    await issuer.stop();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['unavailable']));
  });

  test('because it hangs is given up after some seconds', async () => {
    issuer.misbehave = () => undefined;
    const verifier = createVerifier();
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe('unavailable');
    expect(lines).toMatchObject([{ msg: expect.stringContaining('no answer within 5 s') }]);
  }, 20_000);
});

describe("a cluster's own issuer", () => {
  /** As `OIDC_ISSUER=kubernetes` has it, at another address. */
  function clusterRules(tokenFile: string): TokenRules {
    return {
      ...rulesOf(),
      issuer: undefined,
      discoveryUrl: new URL(`${issuer.url}/.well-known/openid-configuration`),
      jwksUrl: new URL(`${issuer.url}/keys`),
      authorities: cert,
      tokenFile,
    };
  }

  beforeEach(async () => {
    issuer = await OidcIssuer.start({ key, cert });
    issuer.claims = 'https://oidc.cloud.example.com/cluster-1';
    issuer.metadata = { jwks_uri: 'https://192.0.2.1:6443/keys' };
  });

  test('is asked over TLS with our own token, as it is in its file, and is who it says that it is', async () => {
    const file = join(makeTempDir(), 'token');
    writeFileSync(file, 'ours-1\n');
    const verifier = createVerifier(clusterRules(file));
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe(subject);
    writeFileSync(file, 'ours-2\n');
    issuer.rotate();
    nowMs += pauseMs;
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe(subject);
    expect(issuer.requests.map(({ authorization }) => authorization)).toEqual(
      ['ours-1', 'ours-1', 'ours-2', 'ours-2'].map(bearer),
    );
    const elsewhere = await issuer.token({ iss: 'https://kubernetes.default.svc' });
    expect(await outcome(verifier, bearer(elsewhere))).toBe('unauthenticated');
  });

  test.each([
    ['the usual authorities', undefined],
    ['another authority', rootCertificates[0]],
  ])('is not trusted with %s', async (_, authorities) => {
    const verifier = createVerifier({ ...clusterRules(''), tokenFile: undefined, authorities });
    expect(await outcome(verifier, bearer(await issuer.token()))).toBe('unavailable');
    expect(lines).toMatchObject([{ msg: expect.stringContaining('self-signed certificate') }]);
    expect(issuer.requests).toEqual([]);
  });

  test('is the only one that sees our token', async () => {
    const file = join(makeTempDir(), 'token');
    writeFileSync(file, 'ours');
    const elsewhere = await OidcIssuer.start({ key, cert });
    issuer.metadata = { jwks_uri: `${elsewhere.url}/keys` };
    const verifier = createVerifier({ ...clusterRules(file), jwksUrl: undefined });
    await outcome(verifier, bearer(await issuer.token()));
    expect(issuer.requests).toMatchObject([{ authorization: 'Bearer ours' }]);
    expect(elsewhere.requests).toMatchObject([{ path: '/keys', authorization: undefined }]);
  });
});

describe('an issuer that answers nonsense lets nobody in, and refuses nobody for good', () => {
  const cases: [string, (issuer: OidcIssuer) => void, string][] = [
    ['no JSON', (it) => (it.misbehave = (response) => response.end('<html>')), 'not valid JSON'],
    ['no object', (it) => (it.misbehave = (response) => response.end('null')), 'no JSON object'],
    [
      'another status',
      (it) => (it.misbehave = (response) => response.writeHead(404).end('{}')),
      'status 404',
    ],
    [
      'a redirection',
      (it) => (it.misbehave = (response) => response.writeHead(302, { location: it.url }).end()),
      'status 302',
    ],
    [
      'too much',
      (it) => (it.misbehave = (response) => response.end('{'.repeat(300_000))),
      'more than 262144',
    ],
    ['half of it', (it) => (it.misbehave = (response) => response.destroy()), 'socket hang up'],
    [
      'an empty list of keys',
      (it) => {
        it.loseKeys();
      },
      'there are no keys',
    ],
    ['another name', (it) => (it.claims = 'https://elsewhere.example.com'), 'calls itself'],
    ['no keys', (it) => (it.metadata = { jwks_uri: undefined }), 'jwks_uri is missing'],
    [
      'an address of its keys in clear',
      (it) => (it.metadata = { jwks_uri: 'http://elsewhere.example.com/keys' }),
      'should be an https:// address',
    ],
    [
      'another document in place of its keys',
      (it) => (it.metadata = { jwks_uri: `${it.url}/.well-known/openid-configuration` }),
      'there are no keys',
    ],
  ];

  test.each(cases)('%s', async (_, spoil, says) => {
    const token = bearer(await issuer.token());
    spoil(issuer);
    const verifier = createVerifier();
    expect(await outcome(verifier, token)).toBe('unavailable');
    expect(lines).toMatchObject([{ level: 'error', msg: expect.stringContaining(says) }]);
  });

  test('after good keys those stay good while they are fresh', async () => {
    const verifier = createVerifier();
    const token = bearer(await issuer.token());
    await outcome(verifier, token);
    issuer.loseKeys();
    nowMs += maxAgeMs / 2;
    expect(await outcome(verifier, token)).toBe(subject);
    await until('it was asked again', () => lines.length > 0);
    expect(await outcome(verifier, token)).toBe(subject);
  });
});
