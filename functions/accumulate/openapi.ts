// `GET /openapi.json`: accumulate's HTTP interface, described once, here and in the files beside it, and held against
// what the server really answers by test/openapi.test.ts. Loaded when it is asked for.
// https://spec.openapis.org/oas/v3.1.1.html

import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { eventSource } from '../../lib/event.ts';
import { sendText } from '../../lib/http.ts';
import { answerNotModified } from './etag.ts';
import { common, headers, json, ledger, notModified, problem, ref, strays } from './openapi-responses.ts';
import { attributes, exampleEvent, schemas } from './openapi-schemas.ts';

const ifNoneMatch = {
  name: 'If-None-Match',
  in: 'header',
  description: 'Tags of earlier answers (RFC 9110, section 13.1.2).',
  schema: { type: 'string' },
  example: '"7"',
};
const etag = { $ref: '#/components/headers/ETag' };
const noCache = { $ref: '#/components/headers/NoCache' };
const badPath = problem(400, 'The path is not percent-encoded UTF-8.', ['invalid']);

const tagged = { etag, 'cache-control': noCache };
const byForm = { ...tagged, vary: { $ref: '#/components/headers/Vary' } };

const total = {
  '200': {
    description: 'The total. With `Accept: text/plain` the number alone, exact, and a line feed.',
    headers: byForm,
    content: {
      ...json('Total'),
      'text/plain': { schema: { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?\\n$' }, example: '24.85\n' },
    },
  },
  '304': { ...notModified, headers: byForm },
  ...ledger(),
};

const page = {
  ...tagged,
  'content-security-policy': { $ref: '#/components/headers/Policy' },
  'referrer-policy': { $ref: '#/components/headers/NoReferrer' },
  'x-content-type-options': { $ref: '#/components/headers/NoSniffing' },
};

const stream = {
  '200': {
    description: 'Events, as they come.',
    headers: {
      'cache-control': { $ref: '#/components/headers/NoStore' },
      'x-accel-buffering': { $ref: '#/components/headers/NoBuffering' },
    },
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  },
};
const totalName = { name: 'name', in: 'path', required: true, schema: ref('TotalName') };

const eventHeaders = Object.entries(attributes).map(([name, schema]) => ({
  name: `ce-${name}`,
  in: 'header',
  description: 'In binary mode.',
  schema,
  ...(name in exampleEvent && { example: exampleEvent[name as 'id'] }),
}));

export const openApi = {
  openapi: '3.1.1',
  info: {
    title: 'Tally: accumulate',
    version: '0.1.0',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    description:
      'Counts events once each and answers totals. Every GET is answered to HEAD too, without its body. ' +
      'Other paths answer as in NoSuchPath, other methods as in MethodNotAllowed of `components.responses`; what is no ' +
      'HTTP/1.1 a 400 without a body.',
  },
  paths: {
    '/': {
      get: {
        operationId: 'showPage',
        summary: 'A page for people: the totals, live',
        description: 'What it consists of is at /page/, no part of this interface.',
        parameters: [ifNoneMatch],
        responses: {
          '200': {
            description: 'HTML.',
            headers: page,
            content: { 'text/html': { schema: { type: 'string' } } },
          },
          '304': { ...notModified, headers: page },
          ...common,
        },
      },
      post: {
        operationId: 'countEvents',
        summary: 'Count one CloudEvent, or a batch of them, all or nothing',
        description:
          'One event in binary mode (attributes as `ce-` headers, its data as `application/json`) or structured mode ' +
          '(`application/cloudevents+json`, without `ce-` headers), or a batch. 2xx comes after an fsync. Only 5xx, 408 ' +
          'and a lost connection are worth a retry, with the same source and id.',
        security: [{}, { bearer: [] }],
        parameters: eventHeaders,
        requestBody: {
          required: true,
          description: 'At most MAX_BODY_BYTES, by default 1 MiB.',
          content: {
            ...json('Sum'),
            'application/cloudevents+json': { schema: ref('Event') },
            'application/cloudevents-batch+json': { schema: ref('Batch') },
          },
        },
        responses: {
          '204': {
            description: 'On disk and in the total.',
            headers: { 'tally-outcome': { $ref: '#/components/headers/Outcome' } },
          },
          '400': problem(400, 'Never a valid event. Every violation is named.', ['invalid']),
          '401': {
            ...problem(401, 'Tokens are asked for, and there is none that holds.', ['unauthenticated']),
            headers: { 'www-authenticate': { $ref: '#/components/headers/Challenge' } },
          },
          '403': problem(403, 'It is known who asks, and they may not.', ['forbidden']),
          '413': problem(413, 'A body of too many bytes, or a batch of too many events.', ['too-large']),
          '415': problem(415, 'No JSON, or a form of CloudEvents other than JSON.', [
            'unsupported-media-type',
          ]),
          '422': problem(
            422,
            '`conflict`: the id was counted with other operands. `expired`: from before the deduplication window.',
            ['conflict', 'expired'],
          ),
          ...ledger('overloaded'),
        },
      },
    },
    '/total': {
      get: {
        operationId: 'readDefaultTotal',
        summary: 'The total named `default`, 0 before anything was added',
        parameters: [ifNoneMatch],
        responses: total,
      },
    },
    '/totals/{name}': {
      get: {
        operationId: 'readTotal',
        summary: 'One total, with every event that was acknowledged',
        parameters: [totalName, ifNoneMatch],
        responses: {
          ...total,
          '400': badPath,
          '404': problem(404, 'Nothing was ever added to it.', ['not-found']),
        },
      },
    },
    '/totals/{name}/stream': {
      get: {
        operationId: 'followTotal',
        summary: 'One total, now and whenever it has changed, as server-sent events',
        description:
          'Events `total` with the total as their data and its version as their id, at most four a second, each the newest ' +
          'there is. It does not end but when the process does: ask again then.',
        parameters: [totalName],
        responses: {
          ...stream,
          '400': badPath,
          '404': problem(404, 'Nothing was ever added to it.', ['not-found']),
          ...ledger('overloaded'),
        },
      },
    },
    '/stream': {
      get: {
        operationId: 'followAll',
        summary: 'All totals, now and those that change, as server-sent events',
        description:
          'Events `ledger`, each second, with `events` ever counted, `duplicates` refused, and `lagSeconds` between the time ' +
          'that the newest event carries and its being counted, null where it carries none; `totals` with an array of totals, at ' +
          'first all of them; `complete` once when those are told.',
        responses: {
          ...stream,
          ...ledger('overloaded'),
        },
      },
    },
    '/totals': {
      get: {
        operationId: 'listTotals',
        summary: 'All totals by name, in pages',
        parameters: [
          {
            name: 'after',
            in: 'query',
            description: 'The last name of the page before.',
            schema: { type: 'string' },
            example: 'sales',
          },
          {
            name: 'limit',
            in: 'query',
            schema: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
          },
        ],
        responses: {
          '200': { description: 'A page.', content: json('Totals') },
          '400': problem(400, 'A limit that is none.', ['invalid']),
          ...ledger(),
        },
      },
    },
    '/requests/{id}': {
      get: {
        operationId: 'readRequest',
        summary: 'Whether an event is counted, and as what',
        parameters: [
          {
            name: 'id',
            in: 'path',
            required: true,
            description: 'The id of the event: for the add function the request id.',
            schema: { type: 'string', minLength: 1 },
            example: '5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f',
          },
          { name: 'source', in: 'query', schema: { type: 'string', default: eventSource } },
          {
            name: 'wait',
            in: 'query',
            description: 'Holds the request until the event is counted, at most so long: 1ms to 30s.',
            schema: { type: 'string', pattern: '^(([0-9]{1,4}|[12][0-9]{4}|30000)ms|([12]?[0-9]|30)s)$' },
            example: '10s',
          },
        ],
        responses: {
          '200': { description: 'It is counted.', content: json('CountedEvent') },
          '400': problem(400, 'A wait that is none, or a path that is not percent-encoded UTF-8.', [
            'invalid',
          ]),
          '404': problem(404, 'It is not counted, as far back as ids are kept.', ['not-found']),
          ...ledger('overloaded'),
        },
      },
    },
    '/metrics': {
      get: {
        operationId: 'readMetrics',
        summary: 'For Prometheus',
        responses: {
          '200': {
            description: 'The exposition format, version 0.0.4.',
            content: { 'text/plain': { schema: { type: 'string' } } },
          },
          ...common,
        },
      },
    },
    '/health/liveness': {
      get: {
        operationId: 'isAlive',
        summary: 'Whether the process answers',
        responses: { '200': { description: 'It does.', content: json('Probe') }, ...common },
      },
    },
    '/health/readiness': {
      get: {
        operationId: 'isReady',
        summary: 'Whether events can be counted',
        responses: {
          '200': { description: 'They can.', content: json('Probe') },
          ...common,
          '503': { description: 'They cannot, for this reason.', content: json('Probe') },
        },
      },
    },
    '/openapi.json': {
      get: {
        operationId: 'readDescription',
        summary: 'This document',
        parameters: [ifNoneMatch],
        responses: {
          '200': {
            description: 'OpenAPI 3.1.',
            headers: tagged,
            content: { 'application/json': { schema: { type: 'object' } } },
          },
          '304': { ...notModified, headers: tagged },
          ...common,
        },
      },
    },
  },
  components: {
    schemas,
    headers,
    responses: strays,
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'Where OIDC_ISSUER is set.' },
    },
  },
};

const text = JSON.stringify(openApi);
const tag = `"${hash('sha256', text).slice(0, 16)}"`;

export function sendOpenApi(request: IncomingMessage, response: ServerResponse): void {
  if (!answerNotModified(request, response, tag)) sendText(response, 200, 'application/json', text);
}
