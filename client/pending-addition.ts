// An addition on its way: what has happened to it so far, and what a failure means for it (I7).

import type { AdditionInput, WireAddition } from './addition.ts';
import { backoffMs } from './backoff.ts';
import type { TallyError } from './tally-error.ts';

/** Send it again after a while, or hand out its error. */
export type Verdict = { readonly retryAfterMs: number } | { readonly error: TallyError };

export class PendingAddition<T extends AdditionInput> {
  readonly input: T;
  readonly addition: WireAddition;
  #failures = 0;
  #failedAt = 0;
  #outcomeUnknown = false;

  constructor(input: T, addition: WireAddition) {
    this.input = input;
    this.addition = addition;
  }

  /** It was sent and the connection ended without an answer to it. */
  lose(): void {
    this.#outcomeUnknown = true;
  }

  /** @param patienceMs how long after its first failure it is given up */
  fail(error: TallyError, patienceMs: number): Verdict {
    if (this.#failures++ === 0) this.#failedAt = performance.now();
    this.#outcomeUnknown ||= error.outcomeUnknown;
    if (error.retryable && performance.now() - this.#failedAt <= patienceMs) {
      return { retryAfterMs: backoffMs(this.#failures, error.pushbackMs) };
    }
    return { error: this.#outcomeUnknown ? error.withUnknownOutcome() : error };
  }
}
