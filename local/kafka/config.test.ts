import { expect, test } from '@jest/globals';

import { readConfig } from './config.ts';

const minimal = { SUBSCRIBER: 'http://localhost:8081', KAFKA_BROKERS: 'one:9092,two:9093' };
const certificate = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----';

test('brokers are enough: plain text, the usual names', () => {
  expect(readConfig(minimal).kafka).toEqual({
    brokers: ['one:9092', 'two:9093'],
    tls: undefined,
    sasl: undefined,
    topic: 'sums',
    group: 'accumulate',
  });
});

test('another topic has another group, as kafkajs cannot have two topics in one', () => {
  const { topic, group } = readConfig({ ...minimal, KAFKA_TOPIC: 'orders' }).kafka;
  expect({ topic, group }).toEqual({ topic: 'orders', group: 'accumulate-orders' });
});

test('TLS and SASL are read, and a client certificate', () => {
  const { kafka } = readConfig({
    ...minimal,
    KAFKA_TLS: 'true',
    KAFKA_CA_CERTS: certificate,
    KAFKA_CLIENT_CERT: certificate,
    KAFKA_CLIENT_KEY: '-----BEGIN PRIVATE KEY-----',
    KAFKA_SASL_MECHANISM: 'scram-sha-256',
    KAFKA_USERNAME: 'u',
    KAFKA_PASSWORD: 'p',
    KAFKA_TOPIC: 'billing.sums',
    KAFKA_GROUP: 'g',
  });
  expect(kafka).toEqual({
    brokers: ['one:9092', 'two:9093'],
    tls: { ca: certificate, cert: certificate, key: '-----BEGIN PRIVATE KEY-----' },
    sasl: { mechanism: 'scram-sha-256', username: 'u', password: 'p' },
    topic: 'billing.sums',
    group: 'g',
  });
});

test('TLS alone trusts the usual authorities', () => {
  expect(readConfig({ ...minimal, KAFKA_TLS: 'true' }).kafka.tls).toEqual({});
});

test.each<[Record<string, string>, string]>([
  [{ KAFKA_BROKERS: '' }, 'KAFKA_BROKERS is unset'],
  [{ KAFKA_BROKERS: 'one' }, 'KAFKA_BROKERS was "one", should be host:port'],
  [{ KAFKA_BROKERS: 'one:9092, two:9092' }, 'KAFKA_BROKERS was'],
  [{ KAFKA_BROKERS: 'one:99999' }, 'KAFKA_BROKERS was'],
  [{ KAFKA_TOPIC: '..' }, 'KAFKA_TOPIC was ".."'],
  [{ KAFKA_TLS: 'yes' }, 'KAFKA_TLS was "yes", should be one of true, false'],
  [{ KAFKA_CA_CERTS: certificate }, 'KAFKA_TLS should be true where certificates are given'],
  [
    { KAFKA_TLS: 'true', KAFKA_CA_CERTS: '/etc/ca.pem' },
    'KAFKA_CA_CERTS was "/etc/ca.pem", should be certificates in PEM',
  ],
  [
    { KAFKA_TLS: 'true', KAFKA_CLIENT_CERT: certificate },
    'KAFKA_CLIENT_CERT, KAFKA_CLIENT_KEY should be set together',
  ],
  [{ KAFKA_SASL_MECHANISM: 'gssapi' }, 'KAFKA_SASL_MECHANISM was "gssapi"'],
  [
    { KAFKA_SASL_MECHANISM: 'plain', KAFKA_USERNAME: 'u' },
    'KAFKA_USERNAME, KAFKA_PASSWORD should both be set',
  ],
  [{ KAFKA_PASSWORD: 'p' }, 'KAFKA_SASL_MECHANISM should be one of plain, scram-sha-256, scram-sha-512'],
  [{ KAFKA_TOPIC: 'a b' }, 'KAFKA_TOPIC was "a b"'],
])('%j is refused by name', (change, problem) => {
  expect(() => readConfig({ ...minimal, ...change })).toThrow(problem);
});

test('a secret that is wrong is not shown', () => {
  const wrong = {
    ...minimal,
    KAFKA_TLS: 'true',
    KAFKA_CLIENT_CERT: certificate,
    KAFKA_CLIENT_KEY: 'hunter2',
  };
  expect(() => readConfig(wrong)).toThrow(/^(?![^]*hunter2)[^]*KAFKA_CLIENT_KEY/);
});

test('all problems are named at once, those of the delivery too', () => {
  expect(() => readConfig({ KAFKA_BROKERS: 'x', DELIVERY_RETRIES: 'many' })).toThrow(
    /SUBSCRIBER is unset[^]*DELIVERY_RETRIES was[^]*KAFKA_BROKERS was/,
  );
});
