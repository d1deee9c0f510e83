// What to do with the outcome of a delivery, exactly as a KafkaSource decides it. Only `unsendable` is our own: such a
// record would take its place among those in flight for all retries, in vain.

/** What one attempt to deliver came to. */
export type Outcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      /** The first 1024 bytes of the body: more is never used. */
      readonly body: Buffer;
    }
  | { readonly kind: 'failed'; readonly reason: string }
  /** No request could be made of the record, and none ever can. */
  | { readonly kind: 'unsendable'; readonly reason: string };

/** The `delivery` block of a KafkaSource with an exponential backoff policy. */
export interface DeliveryPolicy {
  /** How often a delivery is tried again after its first attempt. */
  readonly retries: number;
  readonly backoffDelayMs: number;
  /** How long one attempt may take. */
  readonly timeoutMs: number;
}

export type Decision =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly waitMs: number }
  | { readonly kind: 'dead-letter' };

const retriedStatuses: ReadonlySet<number> = new Set([404, 408, 409, 429]);

/**
 * Any status below 300 is success. A transport error, a timeout, 404, 408, 409, 429 and everything from 500 is tried
 * again after delay × 2^n, 0.6 s first with the usual 0.3 s; Retry-After is ignored and nothing is random. Any other
 * status, a record that can't be sent, and the last retry's failure, ends in the dead letters.
 * @param attempt 1 for the first attempt
 */
export function decide(policy: DeliveryPolicy, attempt: number, outcome: Outcome): Decision {
  if (outcome.kind === 'answered') {
    if (outcome.status < 300) return { kind: 'delivered' };
    if (outcome.status < 500 && !retriedStatuses.has(outcome.status)) return { kind: 'dead-letter' };
  }
  if (outcome.kind === 'unsendable') return { kind: 'dead-letter' };
  if (attempt > policy.retries) return { kind: 'dead-letter' };
  return { kind: 'retry', waitMs: policy.backoffDelayMs * 2 ** attempt };
}
