// How long to wait before the next attempt: full jitter, so that callers who failed together do not come back
// together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

const baseMs = 100;
const maxMs = 5_000;

/**
 * Milliseconds to wait after the given number of failures in a row (1 for the first).
 * @param pushbackMs what the server asked for; the jitter comes on top of it
 */
export function backoffMs(failures: number, pushbackMs = 0): number {
  return pushbackMs + Math.random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures, 16));
}
