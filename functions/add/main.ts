// Starts the add function.

import { listen } from '../../lib/http.ts';
import { runProcess } from '../../lib/lifecycle.ts';
import { createLog } from '../../lib/log.ts';
import { createVerifier, warnOfStrangers } from '../../lib/token-rules.ts';
import { createTracer } from '../../lib/tracing.ts';
import { readConfig } from './config.ts';
import { createAddServer } from './server.ts';

export async function main(): Promise<void> {
  const log = await createLog('add');
  await runProcess(log, async () => {
    const config = readConfig(process.env);
    const tracer = await createTracer(config.tracing, 'add', log);
    const add = createAddServer(config, log, await createVerifier(config.tokens, log), tracer);
    const port = await listen(add.server, config.port, config.host);
    if (config.sinkUrl === undefined) log.warn(`listening on ${port}, not ready: K_SINK is not set`);
    else log.info(`listening on ${port}, sending to ${config.sinkUrl.href}`);
    warnOfStrangers(log, config, 'set ADD_OIDC_ISSUER and ADD_OIDC_AUDIENCE');
    return {
      port,
      drain: async () => {
        await add.drain();
        await tracer?.stop();
      },
    };
  });
}
