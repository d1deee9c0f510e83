// Starts the event log as a process of its own: the embedded one, or with KAFKA_BROKERS the bridge to Kafka.

import { messageOf } from '../../lib/errors.ts';
import { listen } from '../../lib/http.ts';
import { type Running, runProcess } from '../../lib/lifecycle.ts';
import { type Log, createLog } from '../../lib/log.ts';
import { warnOfStrangers } from '../../lib/token-rules.ts';
import { wantsKafka } from '../kafka/wanted.ts';

export async function main(): Promise<void> {
  const log = await createLog('log');
  await runProcess(log, () => (wantsKafka(process.env) ? startBridge(log) : startEmbedded(log)));
}

async function startEmbedded(log: Log): Promise<Running> {
  const [{ readConfig }, { createEventLog }] = await Promise.all([
    import('./config.ts'),
    import('./event-log.ts'),
  ]);
  const config = readConfig(process.env);
  const eventLog = createEventLog({ config, log, fail: endWith(log, `the log in ${config.dataDir}`) });
  const port = await listen(eventLog.server, config.port, config.host);
  warnOfStrangers(log, config);
  eventLog.start();
  const { committedOffset, nextOffset } = eventLog.status();
  log.info({ port, committedOffset, nextOffset, subscriber: config.subscriber.href }, 'listening');
  return { port, drain: () => eventLog.drain() };
}

async function startBridge(log: Log): Promise<Running> {
  const [{ readConfig }, { createBridge }] = await Promise.all([
    import('../kafka/config.ts'),
    import('../kafka/bridge.ts'),
  ]);
  const config = readConfig(process.env);
  const { brokers, topic, group } = config.kafka;
  const bridge = await createBridge({ config, log, fail: endWith(log, 'the consumer') });
  const port = await listen(bridge.server, config.port, config.host);
  warnOfStrangers(log, config);
  await bridge.start();
  log.info({ port, brokers, topic, group, subscriber: config.subscriber.href }, 'listening');
  return { port, drain: () => bridge.drain() };
}

/** Ends the process, to begin anew with what is stored. */
function endWith(log: Log, what: string) {
  return (error: unknown): never => {
    log.fatal({ err: error }, `${what} cannot be used any more: ${messageOf(error)}`);
    process.exit(1);
  };
}
