// Kafka behind TLS and SASL, all of it from environment variables.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { startLogProcess } from '../log-process.ts';
import { PartProcess } from '../part-process.ts';
import { postEvent, startSubscriber } from '../test-log.ts';
import { until } from '../until.ts';
import { Broker } from './broker.ts';
import { TestKafka } from './kafka.ts';

const password = 'secret-of-tally';
let directory: string;
let broker: Broker;
let authorities: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tally-tls-'));
  const store = join(directory, 'broker.p12');
  const keytool = (...arguments_: string[]): void => {
    const all = [...arguments_, '-alias', 'broker', '-keystore', store, '-storepass', 'changeit'];
    const { status, stdout, stderr } = spawnSync('keytool', all, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`keytool ${arguments_.join(' ')}: ${stdout}${stderr}`);
  };
  const name = ['-dname', 'CN=broker', '-ext', 'SAN=ip:127.0.0.1', '-validity', '2'];
  keytool('-genkeypair', '-keyalg', 'EC', '-storetype', 'PKCS12', ...name);
  const pem = join(directory, 'broker.pem');
  keytool('-exportcert', '-rfc', '-file', pem);
  authorities = readFileSync(pem, 'utf8');
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  broker = await Broker.start({
    protocol: 'SASL_SSL',
    format: ['--add-scram', `SCRAM-SHA-512=[name=tally,password=${password}]`],
    properties: [
      `ssl.keystore.location=${store}`,
      'ssl.keystore.password=changeit',
      'ssl.keystore.type=PKCS12',
      'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512',
      'sasl.mechanism.inter.broker.protocol=PLAIN',
      `ssl.truststore.location=${pem}`,
      'ssl.truststore.type=PEM',
      `listener.name.client.plain.sasl.jaas.config=${plain} username="broker" password="${password}" user_broker="${password}" user_tally="${password}";`,
      `listener.name.client.scram-sha-512.sasl.jaas.config=${scram}`,
    ],
  });
});

afterAll(async () => {
  await broker.remove();
  rmSync(directory, { recursive: true, force: true });
});

function secure(mechanism: string): Record<string, string> {
  return {
    ...new TestKafka(broker.address).env,
    KAFKA_TLS: 'true',
    KAFKA_CA_CERTS: authorities,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_USERNAME: 'tally',
    KAFKA_PASSWORD: password,
  };
}

test.each(['plain', 'scram-sha-512'])('an event goes through with TLS and SASL %s', async (mechanism) => {
  const subscriber = await startSubscriber();
  const env = { ...secure(mechanism), SUBSCRIBER: subscriber.url.href };
  const bridge = await new PartProcess('log', env).start();
  expect(await postEvent(bridge.url, 'a')).toBe(202);
  await until('it is delivered', () => subscriber.has('a'));
});

test.each([
  [
    'a wrong password',
    { KAFKA_PASSWORD: 'wrong' },
    /cannot use the topics of Kafka at .*[Aa]uthentication failed/,
  ],
  [
    'an authority that is not trusted',
    { KAFKA_CA_CERTS: '' },
    /cannot use the topics of Kafka at .*self-signed/,
  ],
])('%s ends the start with what is wrong', async (_what, change, message) => {
  const env = { ...secure('scram-sha-512'), ...change, SUBSCRIBER: 'http://127.0.0.1:9/' };
  const log = startLogProcess(env);
  expect(await log.ended()).toBe(1);
  expect(log.output()).toMatch(message);
  expect(log.output()).not.toContain(password);
});
