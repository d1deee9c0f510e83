import { expect, test } from '@jest/globals';

import { readConfig } from './config.ts';

test('nothing set gives the defaults, without a sink', () => {
  expect(readConfig({})).toEqual({
    port: 8080,
    sinkUrl: undefined,
    sinkAuthorities: undefined,
    sinkAttemptTimeoutMs: 5_000,
    sinkConnections: 64,
    extensions: {},
    addTimeoutMs: 30_000,
    maxInFlight: 1_000,
    streamWindow: 256,
    cacheEntries: 100_000,
    cacheAgeMs: 600_000,
  });
});

test('every problem is named at once', () => {
  const names = [
    ...['PORT', 'K_SINK', 'K_CA_CERTS', 'SINK_TOKEN_FILE', 'SINK_ATTEMPT_TIMEOUT', 'SINK_CONNECTIONS'],
    ...['K_CE_OVERRIDES', 'ADD_TIMEOUT', 'MAX_IN_FLIGHT', 'STREAM_WINDOW', 'CACHE_ENTRIES', 'CACHE_AGE'],
    ...['ADD_OIDC_ISSUER', 'ADD_OIDC_JWKS_URL'],
  ];
  const read = () => readConfig(Object.fromEntries(names.map((name) => [name, '-'])));
  expect(read).toThrow(new RegExp(names.map((name) => `${name} was "-"`).join('[^]*')));
});

test.each([
  ['', {}],
  ['{}', {}],
  ['{"extensions":{}}', {}],
  ['{"extensions":{"region":"eu","n2":"a b~"}}', { region: 'eu', n2: 'a b~' }],
])('K_CE_OVERRIDES %s is taken', (text, extensions) => {
  expect(readConfig({ K_CE_OVERRIDES: text }).extensions).toEqual(extensions);
});

test.each([
  ['no JSON', '{'],
  ['no object', '[]'],
  ['null', 'null'],
  ['extensions that are no object', '{"extensions":["x"]}'],
  ['a name in upper case', '{"extensions":{"Region":"x"}}'],
  ['a name with a dash', '{"extensions":{"a-b":"x"}}'],
  ['an empty name', '{"extensions":{"":"x"}}'],
  ['a number', '{"extensions":{"a":1}}'],
  ['a line break', '{"extensions":{"a":"x\\r\\nce-id: y"}}'],
  ['text that is not ASCII', '{"extensions":{"a":"é"}}'],
  ...['id', 'source', 'type', 'specversion', 'subject', 'time', 'datacontenttype', 'dataschema', 'data'].map(
    (name) => [`the attribute ${name}`, `{"extensions":{"${name}":"x"}}`] as const,
  ),
  ['the attribute partitionkey', '{"extensions":{"partitionkey":"x"}}'],
  ['the attribute schemaurl', '{"extensions":{"schemaurl":"x"}}'],
  ['the attribute traceparent', '{"extensions":{"traceparent":"x"}}'],
])('K_CE_OVERRIDES with %s is a configuration problem', (_name, text) => {
  expect(() => readConfig({ K_CE_OVERRIDES: text })).toThrow(/K_CE_OVERRIDES was/);
});
