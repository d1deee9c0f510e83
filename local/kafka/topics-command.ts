// `npm run kafka:topics`: creates the topics where they are missing and says what is not as declared.
//
// Exit codes: 0 the topics are as declared, 1 something differs or Kafka cannot be used, 78 the configuration is wrong.

import { ConfigError, EnvReader, exitConfig } from '../../lib/env.ts';
import { messageOf } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { createClient, kafkaError } from './client.ts';
import { readKafka } from './config.ts';
import { ensureTopics } from './topics.ts';

/** @returns the exit code */
async function run(): Promise<number> {
  const reader = new EnvReader(process.env);
  const config = readKafka(reader);
  reader.done();
  const admin = createClient(config, await createLog('kafka-topics', 'silent')).admin();
  try {
    await admin.connect();
    const { created, differences } = await ensureTopics(admin, config.topic);
    for (const topic of created) process.stdout.write(`created ${topic}\n`);
    for (const difference of differences) process.stdout.write(`${difference}\n`);
    if (created.length + differences.length === 0) process.stdout.write('the topics are as declared\n');
    return differences.length === 0 ? 0 : 1;
  } catch (error) {
    throw kafkaError(config, 'cannot use the topics', error);
  } finally {
    await admin.disconnect();
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`kafka:topics: ${messageOf(error)}\n`);
  process.exitCode = error instanceof ConfigError ? exitConfig : 1;
}
