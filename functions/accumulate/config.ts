// What the accumulate function can be told, from environment variables.

import { EnvReader } from '../../lib/env.ts';
import { logLevels } from '../../lib/log.ts';
import { isLoopback } from '../../lib/loopback.ts';
import { readTokenRules, type TokenRules } from '../../lib/token-rules.ts';
import { readTracing, type TracingConfig } from '../../lib/tracing.ts';

export interface Config {
  readonly port: number;
  /** The interface to listen on; undefined means all. */
  readonly host: string | undefined;
  /** The mounted volume: ledger and totals.json. */
  readonly directory: string;
  /** How long ids are kept, milliseconds. Must exceed the topic's retention plus the longest retry of a client. */
  readonly dedupeWindowMs: number;
  /** The most events of one file of the ledger. */
  readonly generationMaxEvents: number;
  readonly maxBodyBytes: number;
  /** The most bytes of bodies that are being worked on at one time. */
  readonly maxInFlightBytes: number;
  /** The most events of one batch. */
  readonly maxBatchEvents: number;
  /** How long a request may take to arrive, milliseconds. */
  readonly requestTimeoutMs: number;
  /** How long to wait for another process on the volume, milliseconds. */
  readonly lockWaitMs: number;
  /** Why no event may be posted from the page; undefined when it may. */
  readonly whyNoPosting: string | undefined;
  /** Whose events are taken; undefined: everybody's. */
  readonly tokens?: TokenRules | undefined;
  /** Undefined: there are no traces. */
  readonly tracing?: TracingConfig | undefined;
}

const mebibyte = 1_048_576;
const day = 86_400_000;

/** @throws ConfigError naming every problem */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = new EnvReader(env);
  const host = read.text('HOST');
  const tokens = readTokenRules(read, '');
  const config: Config = {
    port: read.port('PORT', 8080),
    host,
    directory: read.text('DATA_DIR') ?? '',
    dedupeWindowMs: read.durationMs('DEDUPE_WINDOW', 30 * day, { min: 60_000, max: 3_650 * day }),
    generationMaxEvents: read.integer('GENERATION_MAX_EVENTS', 16_000_000, {
      min: 1_000,
      max: 1_000_000_000,
    }),
    maxBodyBytes: read.integer('MAX_BODY_BYTES', mebibyte, { min: 1_024, max: 64 * mebibyte }),
    maxInFlightBytes: read.integer('MAX_IN_FLIGHT_BYTES', 32 * mebibyte, {
      min: 1_024,
      max: 1_024 * mebibyte,
    }),
    maxBatchEvents: read.integer('MAX_BATCH_EVENTS', 10_000, { min: 1, max: 100_000 }),
    requestTimeoutMs: read.durationMs('REQUEST_TIMEOUT', 30_000, { min: 100, max: 600_000 }),
    lockWaitMs: read.durationMs('LOCK_WAIT', 5_000, { min: 10, max: 60_000 }),
    whyNoPosting: readWhyNoPosting(read, host, tokens !== undefined),
    tokens,
    tracing: readTracing(read),
  };
  // The log exists before this; it leaves saying what is wrong with its level to here, where all problems are said.
  read.choice('LOG_LEVEL', logLevels, 'info');
  if (config.directory === '')
    read.problem('DATA_DIR', 'is unset, should be the directory of the mounted volume');
  if (config.maxInFlightBytes < config.maxBodyBytes) {
    read.problem('MAX_IN_FLIGHT_BYTES', `was ${config.maxInFlightBytes}, should be at least MAX_BODY_BYTES`);
  }
  read.done();
  return config;
}

/** By default people may post from the page where they alone can see it: on this machine. */
function readWhyNoPosting(read: EnvReader, host: string | undefined, hasTokens: boolean): string | undefined {
  const isPrivate = host !== undefined && isLoopback(host);
  const posting = read.choice('PAGE_POSTING', ['on', 'off'], isPrivate && !hasTokens ? 'on' : 'off');
  if (hasTokens) {
    if (posting === 'on')
      read.problem('PAGE_POSTING', 'was "on", should be "off": the page has no token to post with');
    return 'Only who has a token may post here (OIDC_ISSUER), and the page has none.';
  }
  return posting === 'on' ? undefined : 'Not from this page: PAGE_POSTING is off.';
}
