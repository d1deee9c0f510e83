// Starts the accumulate function: reads the environment, opens the ledger, listens, and ends it all in order.

import { closeServer, listen } from '../../lib/http.ts';
import { type Running, runProcess } from '../../lib/lifecycle.ts';
import { createLog, type Log } from '../../lib/log.ts';
import { createVerifier, warnOfStrangers } from '../../lib/token-rules.ts';
import { createTracer } from '../../lib/tracing.ts';
import { type Config, readConfig } from './config.ts';
import { createIngest } from './ingest.ts';
import { Ledger } from './ledger/ledger.ts';
import { createMetrics } from './metrics.ts';
import { createReads } from './reads.ts';
import { createServer } from './server.ts';
import { Streams } from './streams.ts';

export async function main(): Promise<void> {
  const log = await createLog('accumulate');
  await runProcess(log, () => start(readConfig(process.env), log));
}

/** Opens the ledger and listens; fails when the volume cannot be used or is damaged. */
export async function start(config: Config, log: Log): Promise<Running> {
  const verifier = await createVerifier(config.tokens, log);
  const tracer = await createTracer(config.tracing, 'accumulate', log);
  const ledger = await Ledger.open(
    {
      directory: config.directory,
      retention: { windowMs: config.dedupeWindowMs, maxEvents: config.generationMaxEvents },
      lockWaitMs: config.lockWaitMs,
    },
    {
      onCommit: (commit) => {
        metrics.observeCommit(commit);
      },
      onWarning: (message) => {
        log.warn(message);
      },
      onFatal: (error) => {
        log.fatal({ err: error }, 'the ledger ended: ending, to begin again from what is on disk');
        process.exit(1);
      },
    },
  );
  let draining = false;
  const notReady = (): string | undefined => (draining ? 'shutting down' : ledger.problem());
  const streams = new Streams(ledger, (error) => {
    log.warn({ err: error }, 'a stream of totals has to end');
  });
  const metrics = createMetrics({
    status: () => ledger.status(),
    totals: (limit) => ledger.totals('', limit),
    isReady: () => notReady() === undefined,
    streams: () => streams.count,
    directory: config.directory,
  });
  const server = createServer({
    ingest: createIngest(ledger, metrics, config, verifier, tracer),
    reads: createReads(ledger),
    streams,
    metrics,
    log,
    requestTimeoutMs: config.requestTimeoutMs,
    notReady,
    whyNoPosting: config.whyNoPosting,
  });
  const port = await listen(server, config.port, config.host).catch(async (error: unknown) => {
    await ledger.close();
    throw error;
  });
  log.info({ port, directory: config.directory, events: ledger.status().seq }, 'ready');
  warnOfStrangers(log, config, 'set OIDC_ISSUER and OIDC_AUDIENCE');
  return {
    port,
    drain: async () => {
      draining = true;
      ledger.stopWaiting();
      streams.close();
      await closeServer(server);
      await ledger.close();
      await tracer?.stop();
    },
  };
}
