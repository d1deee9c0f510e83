// Who may call: with ADD_OIDC_ISSUER set, nothing is sent to the sink that does not come with a good token. And who we
// are for the sink.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';

import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pino from 'pino';

import type { AddResult__Output } from '../../proto/generated/tally/v1/AddResult.ts';
import { audience, OidcIssuer, subject } from '../../test/oidc-issuer.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { readConfig } from './config.ts';
import {
  add,
  answer,
  detailsOf,
  failure,
  type FakeSink,
  Harness,
  inTurn,
  metric,
  request,
  until,
} from './harness.ts';
import { createAddServer } from './server.ts';

const harness = new Harness();
const seconds = (): number => Math.floor(Date.now() / 1_000);
let sink: FakeSink;
let issuer: OidcIssuer;

beforeEach(async () => {
  sink = await harness.sink();
  issuer = await OidcIssuer.start();
});
afterEach(() => harness.stop());

function start(env: Record<string, string> = {}) {
  return harness.add({
    K_SINK: sink.url,
    ADD_OIDC_ISSUER: issuer.url,
    ADD_OIDC_AUDIENCE: audience,
    ...env,
  });
}

async function withToken(token: string | Promise<string>): Promise<Metadata> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${await token}`);
  return metadata;
}

type Client = Awaited<ReturnType<typeof start>>['client'];

/** Opens a stream and notes what comes; `ended` is undefined for a good end. */
function openStream(client: Client, metadata: Metadata) {
  const results: AddResult__Output[] = [];
  const stream = client.addAll(metadata);
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    stream.on('data', (result: AddResult__Output) => results.push(result));
    stream.on('error', resolve);
    stream.on('end', () => {
      resolve(undefined);
    });
  });
  return { stream, results, ended };
}

describe('a caller with a good token', () => {
  test('adds', async () => {
    const { client } = await start({ ADD_OIDC_SUBJECTS: subject });
    const metadata = await withToken(issuer.token());
    await expect(add(client, request(), {}, metadata)).resolves.toMatchObject({ sum: '5' });
    await expect(add(client, request(), {}, metadata)).resolves.toMatchObject({ sum: '5' });
    expect(sink.ids).toHaveLength(2);
    // The caller's token is for us.
    expect(sink.events.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test('adds many on a stream', async () => {
    const { client } = await start();
    const { stream, results, ended } = openStream(client, await withToken(issuer.token()));
    for (let count = 0; count < 100; count++) stream.write(request());
    stream.end();
    expect(await ended).toBeUndefined();
    expect(results.every(({ response }) => response?.sum === '5')).toBe(true);
    expect(sink.ids).toHaveLength(100);
  });

  test('I1 keeps its stream until the token expires: what was begun is answered, the rest goes elsewhere', async () => {
    const { client } = await start();
    // Good for some seconds more, as clocks differ by up to a minute.
    const exp = seconds() - 57;
    const { stream, results, ended } = openStream(client, await withToken(issuer.token({ exp })));
    const gate = sink.hold();
    stream.write(request());
    await until(() => sink.ids.length === 1);
    await until(() => Date.now() > (exp + 60) * 1_000);
    stream.write(request());
    gate.open();
    expect(await ended).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('the bearer token has expired'),
    });
    expect(results.map(({ requestId }) => requestId)).toEqual(sink.ids);
  });
});

describe('a caller without one', () => {
  const wrong: [string, status, () => Promise<Metadata> | Metadata][] = [
    ['none', status.UNAUTHENTICATED, () => new Metadata()],
    ['that has expired', status.UNAUTHENTICATED, () => withToken(issuer.token({ exp: seconds() - 90 }))],
    ['for another audience', status.UNAUTHENTICATED, () => withToken(issuer.token({ aud: 'other' }))],
    ['of another issuer', status.UNAUTHENTICATED, () => withToken(issuer.token({ iss: 'https://x.org' }))],
    ['of no issuer', status.UNAUTHENTICATED, () => withToken('abc')],
    ['of somebody else', status.PERMISSION_DENIED, () => withToken(issuer.token({ sub: 'someone' }))],
  ];

  test.each(wrong)('%s adds nothing', async (_, code, metadata) => {
    const { client, port } = await start({ ADD_OIDC_SUBJECTS: subject });
    const error = await failure(add(client, request(), {}, await metadata()));
    expect(error.code).toBe(code);
    expect(detailsOf(error)['ErrorInfo']).toMatchObject({
      reason: code === status.UNAUTHENTICATED ? 'UNAUTHENTICATED' : 'FORBIDDEN',
    });
    expect(sink.ids).toEqual([]);
    await expect(metric(port, `tally_add_requests_total{method="Add",code="${status[code]}"}`)).resolves.toBe(
      1,
    );
  });

  test.each(wrong)('%s adds nothing on a stream', async (_, code, metadata) => {
    const { client, port } = await start({ ADD_OIDC_SUBJECTS: subject });
    const { stream, results, ended } = openStream(client, await metadata());
    for (let count = 0; count < 100; count++) stream.write(request());
    expect(await ended).toMatchObject({ code });
    expect([results, sink.ids]).toEqual([[], []]);
    await expect(
      metric(port, `tally_add_requests_total{method="AddAll",code="${status[code]}"}`),
    ).resolves.toBe(1);
  });

  test('learns nothing of what is wrong with its request', async () => {
    const { client } = await start();
    const error = await failure(add(client, request({ a: 'x' })));
    expect(error.code).toBe(status.UNAUTHENTICATED);
  });

  test('asks for health and metrics all the same', async () => {
    const { port } = await start();
    for (const path of ['/health/liveness', '/health/readiness', '/metrics']) {
      expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200);
    }
  });
});

test('a function that asks for tokens is not made without somebody to verify them', () => {
  const config = readConfig({ ADD_OIDC_ISSUER: issuer.url, ADD_OIDC_AUDIENCE: audience });
  expect(() => createAddServer(config, pino({ level: 'silent' }))).toThrow('nobody to verify tokens');
});

describe('while the issuer is away', () => {
  test('the function is ready, and a caller is asked to come again', async () => {
    const metadata = await withToken(issuer.token());
    await issuer.stop();
    const { client, port } = await start();
    expect((await fetch(`http://127.0.0.1:${port}/health/readiness`)).status).toBe(200);
    const error = await failure(add(client, request(), {}, metadata));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(detailsOf(error)).toHaveProperty('RetryInfo');
    expect(await openStream(client, metadata).ended).toMatchObject({ code: status.UNAVAILABLE });
    expect(sink.ids).toEqual([]);
  });

  test('a caller that goes away while it hangs leaves nothing behind', async () => {
    const { promise: held, resolve: hold } = Promise.withResolvers<ServerResponse>();
    issuer.misbehave = hold;
    const { client, port } = await start();
    const metadata = await withToken(issuer.token());
    const { stream, ended } = openStream(client, metadata);
    stream.write(request());
    const response = await held;
    stream.cancel();
    expect(await ended).toMatchObject({ code: status.CANCELLED });
    issuer.misbehave = undefined;
    response.end(JSON.stringify(issuer.document));
    const good = request();
    await expect(add(client, good, {}, metadata)).resolves.toMatchObject({ sum: '5' });
    await expect(metric(port, 'tally_add_in_flight')).resolves.toBe(0);
    expect(sink.ids).toEqual([good.requestId]);
  });
});

describe('a sink that asks who we are', () => {
  const sent = (): (string | undefined)[] => sink.events.map(({ headers }) => headers.authorization);
  let file: string;
  let client: Client;

  const write = (token: string): void => {
    writeFileSync(`${file}.new`, token);
    renameSync(`${file}.new`, file);
  };

  beforeEach(async () => {
    file = join(makeTempDir(), 'token');
    write('first\n');
    ({ client } = await harness.add({ K_SINK: sink.url, SINK_TOKEN_FILE: file, ADD_TIMEOUT: '2s' }));
  });

  test('is given the token that is in the file at that time, with each attempt', async () => {
    await add(client, request());
    sink.behave = inTurn((response, event) => {
      write('second');
      answer(503)(response, event);
    }, answer(202));
    await add(client, request());
    expect(sent()).toEqual(['first', 'first', 'second'].map((token) => `Bearer ${token}`));
  });

  test('I7 is asked again, and not without a token, while the file is gone', async () => {
    rmSync(file);
    const error = await failure(add(client, request()));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.details).toContain('no token from');
    expect(sink.ids).toEqual([]);
    const pending = add(client, request());
    write('third');
    await expect(pending).resolves.toMatchObject({ sum: '5' });
    expect(sent()).toEqual(['Bearer third']);
  });
});
