// Who may post: with OIDC_ISSUER set, nothing is counted that does not come with a good token.

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';

import { beforeEach, describe, expect, test } from '@jest/globals';

import { startAccumulate, type TestAccumulate } from '../../test/accumulate.ts';
import { audience, OidcIssuer, subject } from '../../test/oidc-issuer.ts';
import { postHead, RawConnection } from '../../test/raw-connection.ts';
import { structuredEvent, sumEvent } from '../../test/sum-event.ts';
import { until } from '../../test/until.ts';

const batchType = 'application/cloudevents-batch+json';
const seconds = (): number => Math.floor(Date.now() / 1_000);

let issuer: OidcIssuer;
let accumulate: TestAccumulate;

const start = (env: Record<string, string> = {}): Promise<TestAccumulate> =>
  startAccumulate({ OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: audience, ...env });

function post(authorization: string | undefined, id = 'x'): Promise<Response> {
  const { headers, body } = sumEvent(id, '1');
  return accumulate.post({ ...headers, ...(authorization !== undefined && { authorization }) }, body);
}

const postWith = async (token: string | Promise<string>, id?: string): Promise<number> =>
  (await post(`Bearer ${await token}`, id)).status;

beforeEach(async () => {
  issuer = await OidcIssuer.start();
});

describe('a sender with a good token', () => {
  beforeEach(async () => {
    accumulate = await start();
  });

  test('posts events, one or many', async () => {
    const token = await issuer.token();
    for (let n = 1; n <= 20; n++) expect(await postWith(token, `id-${n}`)).toBe(204);
    const headers = { 'content-type': batchType, authorization: `bearer ${token}` };
    const batch = JSON.stringify([structuredEvent('y', '2'), structuredEvent('id-1', '1')]);
    expect((await accumulate.post(headers, batch)).status).toBe(204);
    expect(await accumulate.total()).toEqual({ total: '22', count: 21 });
  });

  test('goes on with a token of the next key, and with the one before', async () => {
    const old = await issuer.token();
    issuer.rotate();
    // The keys are asked for at the start, which may have been before.
    await until('the new key is known', async () => (await postWith(issuer.token())) === 204);
    expect(await postWith(old)).toBe(204);
    expect(await accumulate.total()).toEqual({ total: '1', count: 1 });
  });
});

describe('a sender without one', () => {
  beforeEach(async () => {
    accumulate = await start({ OIDC_SUBJECTS: subject });
  });

  test('is told so by a problem document and a challenge', async () => {
    const response = await post(undefined);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="tally"');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: 'urn:tally:problem:unauthenticated',
      title: 'unauthenticated',
      status: 401,
      detail: 'a bearer token is needed, there is none',
    });
  });

  test('is told when it is known, but not one of those who may', async () => {
    const response = await post(`Bearer ${await issuer.token({ sub: 'someone' })}`);
    expect(response.status).toBe(403);
    expect(response.headers.has('www-authenticate')).toBe(false);
    expect(await response.json()).toMatchObject({
      type: 'urn:tally:problem:forbidden',
      detail: expect.stringContaining('someone'),
    });
  });

  test('changes nothing, whatever is wrong', async () => {
    const impostor = await OidcIssuer.start();
    const tokens = await Promise.all([
      issuer.token({ exp: seconds() - 90 }),
      issuer.token({ nbf: seconds() + 90 }),
      issuer.token({ aud: 'other' }),
      issuer.token({ iss: impostor.url }),
      issuer.token({ sub: 'someone' }),
      impostor.token({ iss: issuer.url }, { kid: issuer.kid }),
    ]);
    const headers = tokens.map((token) => `Bearer ${token}`);
    const statuses = [];
    for (const header of [undefined, '', 'Basic YTpi', ...headers]) {
      statuses.push((await post(header, `id-${statuses.length}`)).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401, 401, 403, 401]);
    expect(await accumulate.total()).toEqual({ total: '0', count: 0 });
    const metrics = await (await accumulate.get('/metrics')).text();
    expect(metrics).toContain('tally_accumulate_refusals_total{code="unauthenticated"} 8\n');
    expect(metrics).toContain('tally_accumulate_refusals_total{code="forbidden"} 1\n');
    expect(await postWith(issuer.token())).toBe(204);
  });

  test('is refused beside a good one in a second header', async () => {
    const { headers, body } = sumEvent('x', '1');
    const good = `Bearer ${await issuer.token()}`;
    const raw = [...Object.entries(headers), ['content-length', `${body.length}`]].flat();
    const twice = httpRequest(accumulate.url('/'), {
      method: 'POST',
      headers: ['host', 'localhost', ...raw, 'authorization', good, 'authorization', 'Bearer other'],
    }).end(body);
    const [response] = (await once(twice, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(401);
    expect(await accumulate.total()).toEqual({ total: '0', count: 0 });
  });

  test('is refused before anything of its body has come', async () => {
    const connection = await RawConnection.open(accumulate.port);
    connection.write(postHead({ ...sumEvent('x', '1').headers, 'content-length': '1000000' }));
    await until('it is answered', () => connection.statuses.length > 0);
    expect(connection.statuses).toEqual([401]);
    await connection.closed;
  });

  test('reads all the same', async () => {
    for (const path of ['/total', '/totals', '/metrics', '/health/readiness']) {
      expect([path, (await accumulate.get(path)).status]).toEqual([path, 200]);
    }
  });
});

describe('while the issuer is away', () => {
  test('the function starts and is ready, and a sender is asked to come again', async () => {
    const token = await issuer.token();
    await issuer.stop();
    accumulate = await start();
    expect((await accumulate.get('/health/readiness')).status).toBe(200);
    const response = await post(`Bearer ${token}`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ type: 'urn:tally:problem:unavailable' });
    expect(await accumulate.total()).toEqual({ total: '0', count: 0 });
    expect((await post(undefined)).status).toBe(401);
  });

  test('a sender goes on with the keys that are known', async () => {
    accumulate = await start();
    const token = await issuer.token();
    expect(await postWith(token, '1')).toBe(204);
    await issuer.stop();
    expect(await postWith(token, '2')).toBe(204);
    expect(await postWith(issuer.token({ jti: 'other' }), '3')).toBe(204);
  });
});

test('a sender that goes away while its token is verified holds no room', async () => {
  issuer.misbehave = () => undefined;
  accumulate = await start({ MAX_IN_FLIGHT_BYTES: '4096', MAX_BODY_BYTES: '4096' });
  const { headers, body } = sumEvent('x', '1');
  const authorization = `Bearer ${await issuer.token()}`;
  const senders = await Promise.all(Array.from({ length: 5 }, () => RawConnection.open(accumulate.port)));
  for (const { socket } of senders) {
    socket.write(postHead({ ...headers, authorization, 'content-length': `${body.length}` }) + body);
  }
  await until('the issuer is asked', () => issuer.requests.length > 0);
  for (const { socket } of senders) socket.destroy();
  await Promise.all(senders.map(({ closed }) => closed));
  // What hung is answered with nothing, and asked again ten seconds after it was asked.
  issuer.misbehave = undefined;
  await until('the issuer is asked again', async () => (await postWith(issuer.token(), 'y')) === 204, 30_000);
  expect(await accumulate.total()).toEqual({ total: '1', count: 1 });
}, 60_000);

test('without OIDC_ISSUER everybody may post, with a token or without', async () => {
  accumulate = await startAccumulate();
  expect((await post(undefined, '1')).status).toBe(204);
  expect((await post('Bearer nonsense', '2')).status).toBe(204);
  expect(issuer.requests).toEqual([]);
});
