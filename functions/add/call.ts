// What Add and AddAll both take from a gRPC call besides its messages.

import type { Metadata } from '@grpc/grpc-js';

import { type AppError, toAppError } from '../../lib/errors.ts';
import type { Caller, TokenVerifier } from '../../lib/tokens.ts';
import { parseTraceparent } from '../../lib/traceparent.ts';

/** The longest by which an answer comes before the caller's deadline. */
const marginMs = 50;

/**
 * How long the handler may take: a little less than the caller's deadline, since at the deadline itself grpc-js answers
 * with a bare DEADLINE_EXCEEDED, on both sides, and what we know about the request (I7) would be lost.
 * @param deadline as grpc-js gives it; Infinity for none
 */
export function timeLeftMs(deadline: Date | number): number {
  const leftMs = Number(deadline) - Date.now();
  return Math.max(0, Math.floor(leftMs - Math.min(marginMs, leftMs / 10)));
}

/** The caller's trace context when it is valid; anything else is left out, as the standard asks. */
export function traceparentOf(metadata: Metadata): string | undefined {
  return parseTraceparent(metadata.get('traceparent')[0]);
}

/**
 * Begins once the caller is known to be one who may: at once when everybody may, or when the token was verified before.
 * @param begin gets nobody when nobody was asked; does not throw
 * @param refuse hears why not, in place of `begin`
 */
export function admit(
  verifier: TokenVerifier | undefined,
  metadata: Metadata,
  begin: (caller: Caller | undefined) => void,
  refuse: (error: AppError) => void,
): void {
  if (verifier === undefined) {
    begin(undefined);
    return;
  }
  const fail = (error: unknown): void => {
    refuse(toAppError(error));
  };
  let caller;
  try {
    caller = verifier.check(metadata.get('authorization').map(String));
  } catch (error) {
    fail(error);
    return;
  }
  if (caller instanceof Promise) caller.then(begin, fail);
  else begin(caller);
}
