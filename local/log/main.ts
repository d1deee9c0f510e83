// Starts the embedded event log as a process of its own.

import { messageOf } from '../../lib/errors.ts';
import { listen } from '../../lib/http.ts';
import { runProcess } from '../../lib/lifecycle.ts';
import { createLog } from '../../lib/log.ts';
import { readConfig } from './config.ts';
import { createEventLog } from './event-log.ts';

export async function main(): Promise<void> {
  const log = await createLog('log');
  await runProcess(log, async () => {
    const config = readConfig(process.env);
    const eventLog = createEventLog({
      config,
      log,
      fail: (error) => {
        log.fatal(
          { err: error },
          `the log in ${config.dataDir} cannot be used any more: ${messageOf(error)}`,
        );
        process.exit(1);
      },
    });
    const port = await listen(eventLog.server, config.port, config.host);
    eventLog.start();
    const { committedOffset, nextOffset } = eventLog.status();
    log.info({ port, committedOffset, nextOffset, subscriber: config.subscriber.href }, 'listening');
    return { port, drain: () => eventLog.drain() };
  });
}
