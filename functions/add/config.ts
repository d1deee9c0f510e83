// The configuration of the add function: environment variables only, all problems reported at once.

import { existsSync } from 'node:fs';

import { EnvReader } from '../../lib/env.ts';
import { logLevels } from '../../lib/log.ts';
import { readTokenRules, type TokenRules } from '../../lib/token-rules.ts';
import { readTracing, type TracingConfig } from '../../lib/tracing.ts';

export interface Config {
  readonly port: number;
  /** The interface to listen on; undefined means all. */
  readonly host: string | undefined;
  /** Where events are posted; without it the function starts but is not ready. */
  readonly sinkUrl: URL | undefined;
  /** PEM text of the authorities to trust for an https sink, in place of the usual ones. */
  readonly sinkAuthorities: string | undefined;
  /** A file with the bearer token by which the sink knows us; undefined: none is sent. */
  readonly sinkTokenFile?: string | undefined;
  readonly sinkAttemptTimeoutMs: number;
  readonly sinkConnections: number;
  /** Attributes that the platform wants on every event. */
  readonly extensions: Readonly<Record<string, string>>;
  /** The longest that a call may take, whatever the caller's deadline. */
  readonly addTimeoutMs: number;
  /** How many calls and stream items may wait for the sink at one time. */
  readonly maxInFlight: number;
  /** How many items of one stream may wait for the sink at one time. */
  readonly streamWindow: number;
  readonly cacheEntries: number;
  readonly cacheAgeMs: number;
  /** Whose calls are taken; undefined: everybody's. */
  readonly tokens?: TokenRules | undefined;
  /** Undefined: there are no traces. */
  readonly tracing?: TracingConfig | undefined;
}

/** Where a SinkBinding mounts its token when Knative's `authentication-oidc` is on (its sinkbinding_lifecycle.go). */
const sinkBindingToken = '/oidc/token';

const second = 1_000;
const day = 86_400 * second;

/** @throws ConfigError naming everything that is wrong */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const reader = new EnvReader(env);
  const config: Config = {
    port: reader.port('PORT', 8080),
    host: reader.text('HOST'),
    sinkUrl: reader.url('K_SINK'),
    sinkAuthorities: reader.read<string | undefined>(
      'K_CA_CERTS',
      'certificates in PEM',
      undefined,
      (text) => (text.includes('-----BEGIN CERTIFICATE-----') ? text : undefined),
    ),
    sinkTokenFile: reader.file(
      'SINK_TOKEN_FILE',
      existsSync(sinkBindingToken) ? sinkBindingToken : undefined,
    ),
    sinkAttemptTimeoutMs: reader.durationMs('SINK_ATTEMPT_TIMEOUT', 5 * second, { min: 1, max: day }),
    sinkConnections: reader.integer('SINK_CONNECTIONS', 64, { min: 1, max: 10_000 }),
    extensions: readExtensions(reader),
    addTimeoutMs: reader.durationMs('ADD_TIMEOUT', 30 * second, { min: 1, max: day }),
    maxInFlight: reader.integer('MAX_IN_FLIGHT', 1_000, { min: 1, max: 1_000_000 }),
    streamWindow: reader.integer('STREAM_WINDOW', 256, { min: 1, max: 100_000 }),
    cacheEntries: reader.integer('CACHE_ENTRIES', 100_000, { min: 1, max: 10_000_000 }),
    cacheAgeMs: reader.durationMs('CACHE_AGE', 600 * second, { min: 1, max: day }),
    tokens: readTokenRules(reader, 'ADD_'),
    tracing: readTracing(reader),
  };
  reader.choice('LOG_LEVEL', logLevels, 'info');
  reader.done();
  return config;
}

// The attributes of CloudEvents 1.0 and those that this function sets itself: they are what deduplication,
// partitioning and tracing rest on. `schemaurl` was one of 0.3: a KafkaSink answers 400 to each event where it is no URI.
const reserved = new Set([
  ...['id', 'source', 'specversion', 'type', 'subject', 'time', 'data', 'datacontenttype', 'dataschema'],
  ...['partitionkey', 'traceparent', 'schemaurl'],
]);

/**
 * K_CE_OVERRIDES, as a SinkBinding injects it. Values stay printable ASCII: KafkaSink takes headers as they are, without
 * the percent-decoding of the HTTP binding.
 */
function readExtensions(reader: EnvReader): Readonly<Record<string, string>> {
  const expected =
    'JSON such as {"extensions":{"name":"value"}}: names of a-z and 0-9, none of them an attribute that the function ' +
    'sets itself, values of printable ASCII';
  return reader.read<Readonly<Record<string, string>>>('K_CE_OVERRIDES', expected, {}, (text) => {
    const overrides = parseObject(text);
    if (overrides === undefined) return undefined;
    const extensions = overrides['extensions'] ?? {};
    if (!isObject(extensions)) return undefined;
    const valid = Object.entries(extensions).every(
      ([name, value]) =>
        /^[a-z0-9]+$/.test(name) &&
        !reserved.has(name) &&
        typeof value === 'string' &&
        /^[ -~]*$/.test(value),
    );
    return valid ? (extensions as Record<string, string>) : undefined;
  });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
