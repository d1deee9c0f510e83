// One addition, called again with the same id until it is answered or its time is up (I2, I7). A request that was
// never sent, because there was no connection, is known not to be counted; any other silence is an unknown outcome.

import { setTimeout as sleep } from 'node:timers/promises';

import { type ServiceError, status } from '@grpc/grpc-js';

import { show } from '../lib/errors.ts';
import type { RequestId } from '../lib/names.ts';
import type { AddResponse__Output } from '../proto/generated/tally/v1/AddResponse.ts';
import type { WireAddition } from './addition.ts';
import { backoffMs } from './backoff.ts';
import type { Channel } from './channel.ts';
import { fromServiceError } from './grpc-errors.ts';
import { TallyError } from './tally-error.ts';

export interface Added {
  readonly requestId: RequestId;
  /** a + b, exact, in canonical form. */
  readonly sum: string;
  /** An earlier call with this id had been answered already; this is its answer. */
  readonly replayed: boolean;
}

/** Told of every attempt that failed and will be repeated. */
export type OnRetry = (error: TallyError) => void;

export interface AddCallOptions {
  /** The time for all attempts together, default 30 s. */
  readonly deadlineMs?: number | undefined;
  /** Gives up at once; the outcome is then unknown unless nothing was sent. */
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: OnRetry | undefined;
}

/** One attempt's time. A hung replica is left for another one, with the same id. */
const attemptMs = 10_000;
const connectMs = 2_000;

export async function add(
  channel: Channel,
  addition: WireAddition,
  { deadlineMs = 30_000, signal, onRetry }: AddCallOptions,
): Promise<Added> {
  const { requestId } = addition;
  const deadline = performance.now() + deadlineMs;
  let outcomeUnknown = false;
  for (let failures = 1; ; failures++) {
    const error = await attempt(channel, addition, deadline, signal);
    if (!(error instanceof TallyError)) return error;
    outcomeUnknown ||= error.outcomeUnknown;
    const last = outcomeUnknown ? error.withUnknownOutcome() : error;
    const waitMs = backoffMs(failures, error.pushbackMs);
    if (!error.retryable || performance.now() + waitMs >= deadline || signal?.aborted === true) throw last;
    onRetry?.(error);
    try {
      await sleep(waitMs, undefined, { signal });
    } catch (cause) {
      throw new TallyError('unavailable', 'interrupted', { requestId, outcomeUnknown, cause });
    }
  }
}

async function attempt(
  channel: Channel,
  addition: WireAddition,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Added | TallyError> {
  const { requestId } = addition;
  const remaining = () => Math.max(1, deadline - performance.now());
  const metadata = await channel.connect(Math.min(connectMs, remaining()));
  if (metadata instanceof TallyError) {
    return new TallyError(metadata.code, metadata.message, { requestId, cause: metadata.cause });
  }
  const { promise, resolve } = Promise.withResolvers<Added | TallyError>();
  const call = channel.adder.add(
    addition,
    metadata,
    { deadline: Date.now() + Math.min(attemptMs, remaining()) },
    (error, response) => {
      resolve(error === null ? readResponse(addition, response) : readError(error, requestId, signal));
    },
  );
  const cancel = () => {
    call.cancel();
  };
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted === true) cancel();
  const result = await promise;
  signal?.removeEventListener('abort', cancel);
  return result;
}

function readError(error: ServiceError, requestId: RequestId, signal: AbortSignal | undefined): TallyError {
  if (error.code === status.CANCELLED && signal?.aborted === true) {
    return new TallyError('unavailable', 'interrupted', { requestId, outcomeUnknown: true });
  }
  return fromServiceError(error, requestId);
}

/** A response for another request is never taken for this one's. */
export function readResponse(
  { requestId }: WireAddition,
  response: AddResponse__Output | null | undefined,
): Added | TallyError {
  if (response?.requestId === requestId) return { requestId, sum: response.sum, replayed: response.replayed };
  const message = `the answer to ${requestId} was for ${show(response?.requestId)}`;
  return new TallyError('internal', message, { requestId, outcomeUnknown: true });
}
