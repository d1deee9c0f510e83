// One delivery to the sink, shared by every call with its request id that comes while it is under way. The event's bytes
// are the same in all attempts. The flight lives until the sink has decided or the last caller's time is up: a caller
// that goes away changes nothing, because its retry will want the answer.
//
// I1: callers hear of success only after a 2xx. I7: when time runs out they hear that the outcome is unknown; that the
// sink refused the event they hear only when no earlier attempt can have stored it.

import { AppError } from '../../lib/errors.ts';
import type { Addition, EncodedEvent } from '../../lib/event.ts';
import type { Metrics } from './metrics.ts';
import { type AttemptResult, backoffMs, describeResult, judge, mayBeStored } from './retry.ts';
import type { Attempt, Sink } from './sink.ts';

/** What the sink made of the event: undefined when it was acknowledged. */
export type Landing = AppError | undefined;

interface Caller {
  readonly answer: (landing: Landing) => void;
  readonly timer: NodeJS.Timeout;
}

const unknownOutcome = 'whether it was counted is unknown: call again with the same request_id';

export class Flight {
  readonly addition: Addition;
  readonly #event: EncodedEvent;
  readonly #sink: Sink;
  readonly #metrics: Metrics;
  readonly #onEnd: (flight: Flight, landing: Landing) => void;
  readonly #callers = new Set<Caller>();
  #deadline = 0;
  #attempts = 0;
  #mayBeStored = false;
  #attempt: Attempt | undefined;
  #backoff: NodeJS.Timeout | undefined;

  /** @param onEnd called once, before any caller is answered with the end */
  constructor(
    addition: Addition,
    event: EncodedEvent,
    sink: Sink,
    metrics: Metrics,
    onEnd: (flight: Flight, landing: Landing) => void,
  ) {
    this.addition = addition;
    this.#event = event;
    this.#sink = sink;
    this.#metrics = metrics;
    this.#onEnd = onEnd;
  }

  /** Adds a caller, who is answered exactly once: when the flight ends, or when its own time is up. */
  join(timeoutMs: number, answer: (landing: Landing) => void): void {
    this.#deadline = Math.max(this.#deadline, performance.now() + timeoutMs);
    const caller: Caller = {
      answer,
      timer: setTimeout(() => {
        this.#expire(caller, timeoutMs);
      }, timeoutMs),
    };
    this.#callers.add(caller);
  }

  /** Makes an attempt; those that follow are made as needed. */
  send(): void {
    this.#attempts++;
    this.#attempt = this.#sink.post(this.#event, (result) => {
      this.#land(result);
    });
  }

  /** Ends the flight for all callers. */
  end(landing: Landing): void {
    this.#attempt?.abort();
    clearTimeout(this.#backoff);
    this.#onEnd(this, landing);
    for (const { answer, timer } of this.#callers) {
      clearTimeout(timer);
      answer(landing);
    }
  }

  #land(result: AttemptResult): void {
    this.#attempt = undefined;
    const verdict = judge(result);
    this.#metrics.attempted(verdict);
    switch (verdict) {
      case 'acknowledged':
        this.end(undefined);
        break;
      case 'refused':
        this.#refuse(result);
        break;
      case 'retry':
        this.#retry(result);
        break;
    }
  }

  #refuse(result: AttemptResult): void {
    const problem = `the sink ${describeResult(result)}, which no retry mends: check K_SINK and what it leads to`;
    this.end(
      this.#mayBeStored
        ? new AppError('unavailable', `${problem}; an earlier attempt failed, and ${unknownOutcome}`)
        : new AppError('refused', problem),
    );
  }

  #retry(result: AttemptResult): void {
    this.#mayBeStored ||= mayBeStored(result);
    const delayMs = backoffMs(this.#attempts, Math.random());
    if (performance.now() + delayMs < this.#deadline) {
      this.#backoff = setTimeout(() => {
        this.send();
      }, delayMs);
      return;
    }
    const message = `the sink ${describeResult(result)}, attempts made: ${this.#attempts}; ${unknownOutcome}`;
    this.end(new AppError('unavailable', message, 'failure' in result ? { cause: result.cause } : {}));
  }

  #expire(caller: Caller, timeoutMs: number): void {
    this.#callers.delete(caller);
    const error = new AppError('timeout', `no answer of the sink in ${timeoutMs} ms; ${unknownOutcome}`);
    if (this.#callers.size === 0) this.end(error);
    caller.answer(error);
  }
}
