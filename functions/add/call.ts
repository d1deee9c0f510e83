// What Add and AddAll both take from a gRPC call besides its messages.

import type { Metadata } from '@grpc/grpc-js';

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

// https://www.w3.org/TR/trace-context/#traceparent-header: version ff and ids of zeros are invalid.
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's trace context when it is valid; anything else is left out, as the standard asks. */
export function traceparentOf(metadata: Metadata): string | undefined {
  const [value] = metadata.get('traceparent');
  return typeof value === 'string' && traceparent.test(value) ? value : undefined;
}
