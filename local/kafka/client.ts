// The kafkajs client that the bridge and the topics command share: how it connects, what it logs, and how records are
// compressed.

import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';

import kafkajs, { type Kafka, type LogEntry, type SASLOptions } from 'kafkajs';

import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { KafkaConfig } from './config.ts';

/** As knative's data plane is set up (kafka/): a broker that pauses for less is waited for. */
export const requestTimeoutMs = 30_000;
const connectionTimeoutMs = 3_000;
const repeatAfterMs = 10_000;

// CommonJS, whose names Node cannot see.
const { CompressionCodecs, CompressionTypes, logLevel } = kafkajs;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

// kafkajs has gzip alone; Node itself has zstd, in which the broker keeps our topics.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) => compress(buffer),
  decompress: (buffer: Buffer) => decompress(buffer),
});

export function createClient({ brokers, tls, sasl }: KafkaConfig, log: Log): Kafka {
  // kafkajs has a type for each mechanism, though they are alike.
  const options = sasl as SASLOptions | undefined;
  return new kafkajs.Kafka({
    clientId: 'tally',
    brokers: [...brokers],
    ssl: tls ?? false,
    ...(options !== undefined && { sasl: options }),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    logLevel: logLevel.WARN,
    logCreator: () => createLogger(log),
  });
}

/** What kafkajs calls an error is most often one that it retries; each is said once in a while. */
function createLogger(log: Log): (entry: LogEntry) => void {
  const saidAt = new Map<string, number>();
  return ({ level, namespace, log: { message, ...details } }) => {
    const text = `kafka: ${message}`;
    const reason = details['error'] === undefined ? {} : { reason: String(details['error']) };
    if (level !== logLevel.ERROR) {
      log.debug({ namespace, ...reason }, text);
      return;
    }
    const now = performance.now();
    if (now - (saidAt.get(text) ?? -Infinity) < repeatAfterMs) return;
    if (saidAt.size > 100) saidAt.clear();
    saidAt.set(text, now);
    log.warn({ namespace, ...reason }, text);
  };
}

/** What went wrong with Kafka, as an error whose message tells an operator where to look. */
export function kafkaError({ brokers }: KafkaConfig, what: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError('unavailable', `${what} of Kafka at ${brokers.join(',')}: ${reason}`, { cause });
}
