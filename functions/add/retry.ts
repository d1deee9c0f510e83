// Which answers of the sink are worth another attempt, and when. Pure.

/** How one attempt to post an event ended. */
export type AttemptResult =
  { readonly status: number } | { readonly failure: 'timeout' | 'unreachable'; readonly cause: Error };

export const verdicts = ['acknowledged', 'retry', 'refused'] as const;
export type Verdict = (typeof verdicts)[number];

/**
 * 2xx alone is an acknowledgement (I1). 404 is worth a retry: KafkaSink answers it for a moment while it starts and
 * while it stops (measured on release 1.23). A failure says nothing about whether the event was stored, so it
 * is sent again with the same id (I2).
 */
export function judge(result: AttemptResult): Verdict {
  if ('failure' in result) return 'retry';
  const { status } = result;
  if (status >= 200 && status < 300) return 'acknowledged';
  return status >= 500 || status === 404 || status === 408 || status === 425 || status === 429
    ? 'retry'
    : 'refused';
}

/**
 * Whether the event may have been stored without an acknowledgement (I7). A 4xx says that the request was turned away,
 * but for 408, which proxies also send when what is behind them does not answer.
 */
export function mayBeStored(result: AttemptResult): boolean {
  return 'failure' in result || result.status >= 500 || result.status === 408;
}

const firstBackoffMs = 50;
const maxBackoffMs = 2_000;

/**
 * Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/): anything up to a bound that
 * doubles with each attempt.
 * @param attempts how many were made, at least 1
 * @param random in [0, 1)
 */
export function backoffMs(attempts: number, random: number): number {
  return random * Math.min(maxBackoffMs, firstBackoffMs * 2 ** (attempts - 1));
}

/** The result in words, for the message to the caller. */
export function describeResult(result: AttemptResult): string {
  if ('status' in result) return `answered ${result.status}`;
  return result.failure === 'timeout' ? 'did not answer in time' : `is unreachable (${result.cause.message})`;
}
