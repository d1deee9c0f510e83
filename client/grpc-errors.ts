// A gRPC status as a TallyError: the code mapped once, the google.rpc details (https://google.aip.dev/193) read.

import { type ServiceError, status } from '@grpc/grpc-js';

import { type ErrorCode, isErrorCode, type Violation } from '../lib/errors.ts';
import type { RequestId } from '../lib/names.ts';
import type { Status__Output } from '../proto/generated/google/rpc/Status.ts';
import { messages } from './channel.ts';
import { TallyError } from './tally-error.ts';

const codes: Readonly<Record<number, ErrorCode | undefined>> = {
  [status.CANCELLED]: 'unavailable',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.OUT_OF_RANGE]: 'invalid',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'conflict',
  [status.PERMISSION_DENIED]: 'forbidden',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.FAILED_PRECONDITION]: 'refused',
  [status.UNIMPLEMENTED]: 'refused',
  [status.RESOURCE_EXHAUSTED]: 'overloaded',
  [status.ABORTED]: 'unavailable',
  [status.UNAVAILABLE]: 'unavailable',
};

/** After these the server, or something on the way, may have counted the request and failed to say so. */
const unknownOutcome: ReadonlySet<ErrorCode> = new Set(['unavailable', 'timeout', 'internal']);

/** The error of one request of an AddAll stream. */
export function fromStatus(details: Status__Output, requestId?: RequestId): TallyError {
  return createError(details.code, details.message, details, undefined, { requestId });
}

/** The error of a call. */
export function fromServiceError(error: ServiceError, requestId?: RequestId): TallyError {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const [pushback] = error.metadata.get('grpc-retry-pushback-ms');
  const details = bytes instanceof Buffer ? decode(messages.Status, bytes) : undefined;
  return createError(error.code, error.details, details, pushback?.toString(), { requestId, cause: error });
}

function createError(
  grpcCode: number,
  text: string,
  details: Status__Output | undefined,
  pushback: string | undefined,
  rest: { requestId?: RequestId | undefined; cause?: unknown },
): TallyError {
  const code = readReason(details) ?? codes[grpcCode] ?? 'internal';
  const message = text === '' ? `status ${grpcCode}` : text;
  return new TallyError(code, message, {
    ...rest,
    outcomeUnknown: unknownOutcome.has(code),
    pushbackMs: Math.max(readRetryDelayMs(details), Number(pushback ?? 0) || 0),
    violations: readViolations(details),
  });
}

/** Several of our codes share a gRPC code; the add function says which it is. */
function readReason(details: Status__Output | undefined): ErrorCode | undefined {
  const bytes = findDetail(details, 'ErrorInfo');
  const info = bytes === undefined ? undefined : decode(messages.ErrorInfo, bytes);
  const code = info?.domain === 'tally.dev' ? info.reason.toLowerCase().replaceAll('_', '-') : '';
  return isErrorCode(code) ? code : undefined;
}

function readViolations(details: Status__Output | undefined): Violation[] {
  const badRequest = findDetail(details, 'BadRequest');
  return badRequest === undefined ? [] : (decode(messages.BadRequest, badRequest)?.fieldViolations ?? []);
}

function readRetryDelayMs(details: Status__Output | undefined): number {
  const retryInfo = findDetail(details, 'RetryInfo');
  const delay = retryInfo === undefined ? undefined : decode(messages.RetryInfo, retryInfo)?.retryDelay;
  return (delay?.seconds ?? 0) * 1_000 + (delay?.nanos ?? 0) / 1e6;
}

function findDetail(details: Status__Output | undefined, name: string): Buffer | undefined {
  return details?.details.find(({ type_url }) => type_url.endsWith(`/google.rpc.${name}`))?.value;
}

/** Details are an addition to the status: one that can't be read takes nothing away from it. */
function decode<T>(type: { deserialize: (bytes: Buffer) => T }, bytes: Buffer): T | undefined {
  try {
    return type.deserialize(bytes);
  } catch {
    return undefined;
  }
}
