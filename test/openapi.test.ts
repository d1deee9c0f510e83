// accumulate's OpenAPI document is true: each answer of a real server is one that it describes, and each answer that it
// describes was given, but for those with a reason.

import { readFileSync, truncateSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

import { beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';

import { openApi } from '../functions/accumulate/openapi.ts';
import { generationFile } from '../functions/accumulate/ledger/generation-file.ts';
import { startAccumulate, type TestAccumulate } from './accumulate.ts';
import { audience, OidcIssuer, subject } from './oidc-issuer.ts';
import {
  type Answer,
  Description,
  type Document,
  kindOf,
  parseAnswer,
  readAnswer,
} from './openapi-answer.ts';
import { postHead, RawConnection } from './raw-connection.ts';
import { structuredEvent, sumEvent } from './sum-event.ts';
import { until } from './until.ts';

const document = JSON.parse(JSON.stringify(openApi)) as Document;
const description = new Description(document);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => ({ path, method })),
);

interface Exchange extends Answer {
  readonly what: string;
  readonly method: string;
  readonly path: string;
}

const { headers, body } = sumEvent('x', '5');
const batchType = { 'content-type': 'application/cloudevents-batch+json' };
const old = '2001-01-01T00:00:00Z';

/** A request and the operation that it is of; a path with parameters is written out. */
type Request = readonly [what: string, operation: string, path: string, init?: RequestInit];
const post = (what: string, init: RequestInit): Request => [what, 'post /', '/', { method: 'POST', ...init }];
const asText = { headers: { accept: 'text/plain' } };
const anyTag = { headers: { 'if-none-match': '*' } };

const requests: readonly Request[] = [
  ['the page', 'get /', '/'],
  ['the page that is known', 'get /', '/', anyTag],
  post('an event', { headers, body }),
  post('a duplicate', { headers, body }),
  post('a structured event', {
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify(structuredEvent('y', '2', { total: 'sales', time: new Date().toISOString() })),
  }),
  post('a batch', { headers: batchType, body: JSON.stringify([structuredEvent('z', '1')]) }),
  post('no event', { body: '{}', headers: { 'content-type': 'application/json' } }),
  post('bad fields', { headers, body: '{"a":"x"}' }),
  post('an event of two forms', { headers: { ...headers, ...batchType }, body: '[]' }),
  post('a body of too many bytes', { headers, body: ' '.repeat(5_000) }),
  post('a batch of too many events', { headers: batchType, body: '[1,2,3]' }),
  post('text', { headers: { ...headers, 'content-type': 'text/plain' }, body }),
  post('Avro', { headers: { 'content-type': 'application/cloudevents+avro' }, body }),
  post('other operands', { headers, body: '{"a":"6","b":"0","sum":"6"}' }),
  post('an old event', { headers: { ...headers, 'ce-id': 'old', 'ce-time': old }, body }),
  ...['/total', '/totals/{name}'].flatMap((path): Request[] => {
    const name = path.replace('{name}', 'sales');
    return [
      ['a total', `get ${path}`, name],
      ['a total as text', `get ${path}`, name, asText],
      ['a total that is known', `get ${path}`, name, anyTag],
    ];
  }),
  ['a total of no such name', 'get /totals/{name}', '/totals/Sales'],
  ['a total that is empty', 'get /totals/{name}', '/totals/empty'],
  ['a total in bad encoding', 'get /totals/{name}', '/totals/%ff'],
  ['the stream of a total', 'get /totals/{name}/stream', '/totals/sales/stream'],
  ['the stream of no such total', 'get /totals/{name}/stream', '/totals/empty/stream'],
  ['the stream of a total in bad encoding', 'get /totals/{name}/stream', '/totals/%ff/stream'],
  ['the stream of all', 'get /stream', '/stream'],
  ['all totals', 'get /totals', '/totals'],
  ['a page of totals', 'get /totals', '/totals?limit=1'],
  ['a page of no size', 'get /totals', '/totals?limit=0'],
  ['a request', 'get /requests/{id}', '/requests/x'],
  ['a request with a time', 'get /requests/{id}', '/requests/y?wait=30s'],
  ['a request that is not counted', 'get /requests/{id}', '/requests/none?source=/other&wait=1ms'],
  ['a request in bad encoding', 'get /requests/{id}', '/requests/%ff'],
  ['a wait that is too long', 'get /requests/{id}', '/requests/x?wait=31s'],
  ['metrics', 'get /metrics', '/metrics'],
  ['liveness', 'get /health/liveness', '/health/liveness'],
  ['readiness', 'get /health/readiness', '/health/readiness'],
  ['this document', 'get /openapi.json', '/openapi.json'],
  ['this document that is known', 'get /openapi.json', '/openapi.json', anyTag],
];

/** Described, and not provoked. */
const withReason: Readonly<Record<string, string>> = {
  'urn:tally:problem:internal': 'is what a bug is answered with: none is known',
  'get 503 urn:tally:problem:unavailable': 'needs a disk that fails to read',
  'get 503 urn:tally:problem:overloaded': 'needs as many connections as may wait or stream',
};

const exchanges: Exchange[] = [];

async function exchange(accumulate: TestAccumulate, [what, operation, path, init]: Request): Promise<void> {
  const [method = '', template = ''] = operation.split(' ');
  const answer = await readAnswer(await fetch(accumulate.url(path), init));
  exchanges.push({ what, method, path: template, ...answer });
}

/** What only a raw connection can say: the server's answer when it closes. */
async function exchangeRaw(
  accumulate: TestAccumulate,
  what: string,
  { method, path }: { method: string; path: string },
  head: string,
): Promise<void> {
  const connection = await RawConnection.open(accumulate.port);
  connection.write(`${method.toUpperCase()} ${path.replace(/[{}]/g, '')} HTTP/1.1\r\nhost: x\r\n${head}`);
  await connection.closed;
  exchanges.push({ what, method, path, ...parseAnswer(connection.received) });
}

async function exchangeAsStranger(): Promise<void> {
  const issuer = await OidcIssuer.start();
  const accumulate = await startAccumulate({
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: audience,
    OIDC_SUBJECTS: subject,
  });
  await exchange(accumulate, post('no token', { headers, body }));
  const authorization = `Bearer ${await issuer.token({ sub: 'somebody' })}`;
  await exchange(accumulate, post("another's token", { headers: { ...headers, authorization }, body }));
}

async function exchangeWhileBusy(): Promise<void> {
  const accumulate = await startAccumulate({
    LOCK_WAIT: '10ms',
    MAX_BODY_BYTES: '4096',
    MAX_IN_FLIGHT_BYTES: '9000',
  });
  const lock = new DatabaseSync(generationFile(accumulate.directory, 1));
  lock.exec('BEGIN IMMEDIATE');
  await exchange(accumulate, post('an event while another holds the ledger', { headers, body }));
  lock.close();
  const slow = await RawConnection.open(accumulate.port);
  slow.write(postHead({ ...headers, 'content-length': '4096' }) + '{'.padEnd(4_000));
  const large = { headers, body: ' '.repeat(4_096) };
  await until('a refusal', async () => (await accumulate.post(headers, large.body)).status === 503);
  await exchange(accumulate, post('an event too many at one time', large));
  slow.socket.destroy();
}

async function exchangeWhileDamaged(): Promise<void> {
  const accumulate = await startAccumulate();
  truncateSync(generationFile(accumulate.directory, 1), 0);
  for (const { path, method } of operations) {
    const [first] = requests.filter(([, operation]) => operation === `${method} ${path}`);
    if (first !== undefined) await exchange(accumulate, first);
  }
}

beforeAll(async () => {
  const accumulate = await startAccumulate({ MAX_BODY_BYTES: '4096', MAX_BATCH_EVENTS: '2' });
  for (const request of requests) await exchange(accumulate, request);
  const impatient = await startAccumulate({ REQUEST_TIMEOUT: '100ms' });
  await Promise.all(
    operations.flatMap((operation) => [
      exchangeRaw(impatient, 'a request that never ends', operation, ''),
      exchangeRaw(accumulate, 'a flood of headers', operation, `x: ${'x'.repeat(20_000)}\r\n\r\n`),
      exchangeRaw(accumulate, 'an expectation', operation, 'expect: more\r\nconnection: close\r\n\r\n'),
    ]),
  );
  await exchangeAsStranger();
  await exchangeWhileBusy();
  await exchangeWhileDamaged();
});

describe('what the server answers', () => {
  test('is described, each of it', () => {
    expect(exchanges.length).toBeGreaterThan(requests.length + 3 * operations.length);
    for (const { what, method, path, ...answer } of exchanges) {
      const described = description.responses(path, method)[answer.status];
      expect([what, method, path, description.findFaults(described, answer)]).toEqual([
        what,
        method,
        path,
        [],
      ]);
    }
  });

  test('is all that is described, but for what cannot be provoked', () => {
    const given = new Set(
      exchanges.map((answer) => `${answer.method} ${answer.path} ${answer.status} ${kindOf(answer)}`),
    );
    const missing = operations.flatMap(({ method, path }) =>
      Object.entries(description.responses(path, method)).flatMap(([status, response]) =>
        description
          .kinds(response)
          .filter((kind) => !given.has(`${method} ${path} ${status} ${kind}`))
          .filter((kind) => !(kind in withReason) && !(`${method} ${status} ${kind}` in withReason))
          .map((kind) => `${method} ${path} ${status} ${kind}`),
      ),
    );
    expect(missing).toEqual([]);
  });

  test('to HEAD is what it is to GET, without the body', async () => {
    const accumulate = await startAccumulate();
    for (const { path } of operations.filter(({ method }) => method === 'get')) {
      const url = accumulate.url(path.replace('{name}', 'default').replace('{id}', 'none'));
      const whole = await fetch(url);
      await whole.body?.cancel();
      const head = await readAnswer(await fetch(url, { method: 'HEAD' }));
      expect([path, head.status, head.body]).toEqual([path, whole.status, '']);
      expect(head.headers).toMatchObject({ 'content-type': whole.headers.get('content-type') });
    }
  });

  test('to other paths and methods is described too', async () => {
    const { NoSuchPath, MethodNotAllowed } = document.components.responses;
    const accumulate = await startAccumulate();
    for (const path of ['/x', '/totals/', '/requests/a/b', '/openapi']) {
      const answer = await readAnswer(await accumulate.get(path));
      expect([path, answer.status, description.findFaults(NoSuchPath, answer)]).toEqual([path, 404, []]);
    }
    for (const { path, method } of operations) {
      const init = { method: method === 'get' ? 'DELETE' : 'PUT' };
      const url = accumulate.url(path.replace('{name}', 'default').replace('{id}', 'none'));
      const answer = await readAnswer(await fetch(url, init));
      expect([path, answer.status, description.findFaults(MethodNotAllowed, answer)]).toEqual([
        path,
        405,
        [],
      ]);
    }
  });
});

describe('the document', () => {
  test('is what is served', async () => {
    const accumulate = await startAccumulate();
    expect(await accumulate.getJson('/openapi.json')).toEqual(document);
  });

  test('has the version of the program', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(openApi.info.version).toBe(version);
  });

  test('has examples that fit', () => {
    const examples = Object.entries(openApi.components.schemas).flatMap(([name, schema]) =>
      'examples' in schema ? schema.examples.map((value) => ({ name, value })) : [],
    );
    expect(examples.length).toBeGreaterThan(4);
    for (const { name, value } of examples) {
      expect([name, description.findMisfits(name, value)]).toEqual([name, []]);
    }
  });

  test("agrees with the schema of the event's data on any data", () => {
    const schema = JSON.parse(readFileSync('kafka/sum.v1.schema.json', 'utf8')) as Record<string, unknown>;
    const fits = new Ajv2020({ strict: true }).compile(schema);
    const text = fc.string({ unit: fc.constantFrom('0', '7', '-', '.', '+', 'e'), maxLength: 5 });
    const long = fc
      .tuple(
        fc.constantFrom('', '-'),
        fc.constantFrom(998, 999, 1_000, 1_001, 1_999, 2_000),
        fc.constantFrom('', '.5'),
      )
      .map(([sign, count, fraction]) => sign + '7'.repeat(count) + fraction);
    const field = fc.oneof(text, long, fc.constant('1'), fc.constantFrom<unknown>(0, null));
    const data = fc.record({ a: field, b: field, sum: field, more: field }, { requiredKeys: [] });
    fc.assert(
      fc.property(data, (value) => {
        expect(description.findMisfits('Sum', value).length === 0).toBe(fits(value));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['0ms', 404],
    ['1ms', 404],
    ['1001ms', 200],
    ['30000ms', 200],
    ['30s', 200],
    ['30001ms', 400],
    ['31s', 400],
    ['1m', 400],
    ['1', 400],
    ['s', 400],
  ])('says of a wait of %s what the server does', async (wait, status) => {
    const accumulate = await startAccumulate();
    await accumulate.add('known', '1');
    const id = status === 200 ? 'known' : 'none';
    expect((await accumulate.get(`/requests/${id}?wait=${wait}`)).status).toBe(status);
    const parameter = openApi.paths['/requests/{id}'].get.parameters.find(({ name }) => name === 'wait');
    const { pattern } = parameter?.schema as { pattern: string };
    expect(new RegExp(pattern).test(wait)).toBe(status !== 400);
  });
});
