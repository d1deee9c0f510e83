// Puts the function together, unlistened: sink, core, gRPC services and the port they share with HTTP; and takes it
// apart again.

import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import type { Server } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { TokenFile } from '../../lib/token-file.ts';
import type { TokenVerifier } from '../../lib/tokens.ts';
import type { Tracer } from '../../lib/tracing.ts';
import type { AdderHandlers } from '../../proto/generated/tally/v1/Adder.ts';
import { createAddAll } from './add-all.ts';
import { createAdd } from './add.ts';
import type { Config } from './config.ts';
import { completeDescriptors } from './descriptors.ts';
import { Adder } from './handler.ts';
import { addHealth, loadHealthMessage } from './health.ts';
import { createHttp } from './http.ts';
import { InFlight } from './in-flight.ts';
import { Metrics } from './metrics.ts';
import { Port } from './port.ts';
import { adderService, loadContractAsWritten } from './proto.ts';
import { Readiness } from './readiness.ts';
import { addReflection } from './reflection.ts';
import type { Services } from './services.ts';
import { Sink } from './sink.ts';

/** Fits two operands of 1,000 digits many times over. */
const maxMessageBytes = 16 * 1024;
/** One proxy in front needs few connections; probes and scrapes are brief. */
const portLimits = { maxConnections: 1_024, maxBrief: 256, briefMs: 10_000 };
/** How long a drain waits for work in flight, and then for connections to close by themselves. */
const drainMs = 20_000;
const closeMs = 1_000;

export interface AddServer {
  /** Not listening yet. */
  readonly server: Server;
  readonly metrics: Metrics;
  /** Takes no new work, lets work in flight finish, closes everything. */
  readonly drain: () => Promise<void>;
}

/** @param verifier needed where the configuration asks for tokens */
export function createAddServer(
  config: Config,
  log: Log,
  verifier?: TokenVerifier,
  tracer?: Tracer,
): AddServer {
  if (config.tokens !== undefined && verifier === undefined)
    throw new Error('there is nobody to verify tokens');
  const inFlight = new InFlight(config.maxInFlight);
  const sink = createSink(config);
  // A first revision made before its SinkBinding has no K_SINK: it must not take traffic, and must not crash either.
  const readiness = new Readiness(
    sink === undefined ? 'K_SINK is not set: there is nowhere to send sums to' : undefined,
  );
  const metrics = new Metrics(
    () => inFlight.count,
    () => readiness.refusal === undefined,
  );
  const adder = sink && createAdder(config, sink, metrics, tracer);
  const grpc = createGrpc(
    {
      verifier,
      takeAdder: () => {
        if (adder === undefined || readiness.refusal !== undefined) {
          throw new AppError('unavailable', readiness.refusal ?? 'no sink');
        }
        return adder;
      },
      readiness,
      inFlight,
      metrics,
      streamWindow: config.streamWindow,
      log,
    },
    config,
  );
  const port = new Port(
    createHttp(readiness, metrics),
    grpc.createConnectionInjector(ServerCredentials.createInsecure()),
    portLimits,
  );

  const drain = async (): Promise<void> => {
    readiness.refuse('the server is stopping and takes no new requests: call again, another will answer');
    // Tells clients to go elsewhere (GOAWAY). Its callback says nothing: with Node 24 it comes before the last calls end.
    grpc.tryShutdown(() => undefined);
    await settleWithin(inFlight.idle(), drainMs);
    adder?.abandon();
    const closed = new Promise<void>((resolve) => {
      port.server.close(() => {
        resolve();
      });
    });
    // Not for ever: the stream of a health watcher never ends by itself.
    await settleWithin(closed, closeMs);
    port.destroy();
    await sink?.close();
  };
  return { server: port.server, metrics, drain };
}

function createSink(config: Config): Sink | undefined {
  if (config.sinkUrl === undefined) return undefined;
  return new Sink({
    url: config.sinkUrl,
    authorities: config.sinkAuthorities,
    token: config.sinkTokenFile === undefined ? undefined : new TokenFile(config.sinkTokenFile),
    connections: config.sinkConnections,
    attemptTimeoutMs: config.sinkAttemptTimeoutMs,
  });
}

function createAdder(config: Config, sink: Sink, metrics: Metrics, tracer: Tracer | undefined): Adder {
  return new Adder({
    sink,
    metrics,
    tracer,
    now: () => new Date(),
    extensions: config.extensions,
    maxTimeoutMs: config.addTimeoutMs,
    cacheEntries: config.cacheEntries,
    cacheAgeMs: config.cacheAgeMs,
  });
}

function createGrpc(services: Services, { maxInFlight }: Config): GrpcServer {
  const grpc = new GrpcServer({
    'grpc.max_receive_message_length': maxMessageBytes,
    // Above the in-flight limit, so that a call over that is told so instead of waiting in the client unseen.
    'grpc.max_concurrent_streams': maxInFlight + 100,
    // Idle connections do not pile up, and peers that are gone without a word are found.
    'grpc.max_connection_idle_ms': 600_000,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // Its bookkeeping costs on every message and nothing reads it.
    'grpc.enable_channelz': 0,
  });
  const handlers: AdderHandlers = { Add: createAdd(services), AddAll: createAddAll(services) };
  grpc.addService(adderService, handlers);

  addHealth(grpc, services.readiness);
  addReflection(grpc, () => {
    const health = loadHealthMessage();
    return completeDescriptors({ ...loadContractAsWritten(), ...(health && { health }) });
  });
  return grpc;
}

async function settleWithin(work: Promise<void>, ms: number): Promise<void> {
  const timeout = new AbortController();
  await Promise.race([work, wait(ms, undefined, { signal: timeout.signal }).catch(() => undefined)]);
  timeout.abort();
}
