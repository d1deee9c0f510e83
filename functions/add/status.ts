// Errors as gRPC tells them: the one place where a code of AppError becomes a gRPC status with its details
// (google.rpc, https://google.aip.dev/193).

import { Metadata, status as grpcStatus, type StatusObject } from '@grpc/grpc-js';

import type { AppError, ErrorCode } from '../../lib/errors.ts';
import type { Status } from '../../proto/generated/google/rpc/Status.ts';
import { badRequestType, errorInfoType, retryInfoType, statusType } from './proto.ts';

const grpcCode: Readonly<Record<ErrorCode, grpcStatus>> = {
  invalid: grpcStatus.INVALID_ARGUMENT,
  'unsupported-media-type': grpcStatus.INVALID_ARGUMENT,
  'too-large': grpcStatus.INVALID_ARGUMENT,
  unauthenticated: grpcStatus.UNAUTHENTICATED,
  forbidden: grpcStatus.PERMISSION_DENIED,
  'not-found': grpcStatus.NOT_FOUND,
  'no-such-path': grpcStatus.NOT_FOUND,
  'method-not-allowed': grpcStatus.UNIMPLEMENTED,
  conflict: grpcStatus.ALREADY_EXISTS,
  expired: grpcStatus.FAILED_PRECONDITION,
  refused: grpcStatus.INTERNAL,
  overloaded: grpcStatus.RESOURCE_EXHAUSTED,
  unavailable: grpcStatus.UNAVAILABLE,
  timeout: grpcStatus.DEADLINE_EXCEEDED,
  damaged: grpcStatus.DATA_LOSS,
  internal: grpcStatus.INTERNAL,
};

/** The codes that say "come back later", with how long a client should wait at the least. */
const retryDelayMs: Partial<Readonly<Record<ErrorCode, number>>> = { overloaded: 100, unavailable: 500 };

/** Every code that a request may be answered with, by the name that metrics label it with. */
export const codeNames: readonly string[] = [
  ...new Set(['OK', ...Object.values(grpcCode).map((code) => grpcStatus[code])]),
];

/** The name of the gRPC code, as metrics label it. */
export function codeName(error: AppError | undefined): string {
  return error === undefined ? 'OK' : grpcStatus[grpcCode[error.code]];
}

/** The error as google.rpc.Status: what one result of a stream carries. */
export function toStatus(error: AppError): Status {
  return toStatusWithDelay(error, pickRetryDelayMs(error.code));
}

/** The error as the status of a whole call, with grpc-status-details-bin and, when a limit is reached, pushback. */
export function toStatusObject(error: AppError): StatusObject {
  const delayMs = pickRetryDelayMs(error.code);
  const status = toStatusWithDelay(error, delayMs);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', statusType.serialize(status));
  // https://github.com/grpc/proposal/blob/master/A6-client-retries.md: a retrying client waits just this long.
  if (error.code === 'overloaded') metadata.set('grpc-retry-pushback-ms', `${delayMs ?? 0}`);
  return { code: grpcCode[error.code], details: status.message ?? '', metadata };
}

function toStatusWithDelay(error: AppError, delayMs: number | undefined): Status {
  const details = [
    pack('ErrorInfo', errorInfoType.serialize({ reason: reasonOf(error.code), domain: 'tally.dev' })),
  ];
  if (error.violations.length > 0) {
    details.push(pack('BadRequest', badRequestType.serialize({ fieldViolations: [...error.violations] })));
  }
  if (delayMs !== undefined) {
    const retryDelay = { seconds: Math.floor(delayMs / 1000), nanos: (delayMs % 1000) * 1_000_000 };
    details.push(pack('RetryInfo', retryInfoType.serialize({ retryDelay })));
  }
  // grpc-js percent-encodes the message, which throws on half a surrogate pair.
  return { code: grpcCode[error.code], message: error.message.toWellFormed(), details };
}

/** Up to twice the least delay, so that clients turned away together do not come back together. */
function pickRetryDelayMs(code: ErrorCode): number | undefined {
  const leastMs = retryDelayMs[code];
  return leastMs === undefined ? undefined : leastMs + Math.floor(Math.random() * leastMs);
}

/** The code in the upper case that AIP-193 asks for. */
function reasonOf(code: ErrorCode): string {
  return code.toUpperCase().replaceAll('-', '_');
}

function pack(type: string, value: Buffer): { type_url: string; value: Buffer } {
  return { type_url: `type.googleapis.com/google.rpc.${type}`, value };
}
