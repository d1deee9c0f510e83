// `KAFKA_BROKERS=… npm start` and `npm run kafka:topics`, as a user runs them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

import { runTally } from '../../client/testing/command.ts';
import { startLocalSystem } from '../local-system.ts';
import { startLogProcess } from '../log-process.ts';
import { makeTempDir } from '../temp-dir.ts';
import { TestKafka } from './kafka.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function runTopics(env: Readonly<Record<string, string>>): Promise<{ code: unknown; output: string }> {
  const child = spawn('npm', ['run', '--silent', 'kafka:topics'], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, output };
}

test('npm start on a real Kafka adds, says where it is, and Ctrl-C ends all in order', async () => {
  const kafka = new TestKafka();
  const system = startLocalSystem({ ...kafka.env, DATA_DIR: makeTempDir(), LOG_LEVEL: 'info' });
  const [add, accumulate] = await Promise.all([system.part('add'), system.part('accumulate')]);
  const where = { TALLY_ADD: add.address, TALLY_URL: `http://${accumulate.address}` };
  expect(await runTally(['add', '2', '0.1', '--wait'], where)).toMatchObject({ code: 0, stdout: '2.1\n' });
  expect(system.output()).toContain(`kafka       ${kafka.brokers}`);
  expect(system.output()).toContain(`created the topic ${kafka.topic}`);
  system.child.kill('SIGTERM');
  expect(await system.ended()).toBe(0);
  expect(await kafka.status()).toMatchObject({ records: 1, lag: 0, deadLetters: 0 });
});

test('the topics are created once, are then as declared, and what differs is named and left alone', async () => {
  const kafka = new TestKafka();
  expect(await runTopics(kafka.env)).toEqual({
    code: 0,
    output: `created ${kafka.topic}\ncreated ${kafka.deadLetterTopic}\n`,
  });
  expect(await runTopics(kafka.env)).toEqual({ code: 0, output: 'the topics are as declared\n' });
  const other = new TestKafka();
  const admin = await other.admin();
  const configEntries = [{ name: 'retention.ms', value: '1000' }];
  await admin.createTopics({ topics: [{ topic: other.topic, numPartitions: 2, configEntries }] });
  const { code, output } = await runTopics(other.env);
  expect(code).toBe(1);
  expect(output.split('\n')).toEqual(
    expect.arrayContaining([
      `created ${other.deadLetterTopic}`,
      `${other.topic} has 2 partitions, declared are 12`,
      `${other.topic} has retention.ms=1000, declared is 604800000`,
    ]),
  );
});

test('a Kafka that cannot be reached ends the start with its address', async () => {
  const env = { KAFKA_BROKERS: '127.0.0.1:9' };
  const log = startLogProcess({ ...env, SUBSCRIBER: 'http://127.0.0.1:9/' });
  const command = await runTopics(env);
  expect(await log.ended()).toBe(1);
  for (const text of [log.output(), command.output]) {
    expect(text).toMatch(/cannot use the topics of Kafka at 127\.0\.0\.1:9: .*ECONNREFUSED/);
  }
  expect(command.code).toBe(1);
  expect((await runTopics({})).code).toBe(78);
});
