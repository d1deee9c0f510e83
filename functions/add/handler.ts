// The core of the function: an addition goes to the sink once, however many calls ask for it.
//
// I1: success is what the sink acknowledged, now or (cached) before. I2: calls with one id share one flight, so that
// most retries never reach the log; what another replica lets through is caught by the ledger. I6: an id that is known
// with other operands is refused. I7: only acknowledged additions are cached.

import { hash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { addDecimals, equalDecimals, formatDecimal } from '../../lib/decimal.ts';
import { AppError } from '../../lib/errors.ts';
import { type Addition, encodeEvent } from '../../lib/event.ts';
import type { RequestId } from '../../lib/names.ts';
import type { Tracer } from '../../lib/tracing.ts';
import { Flight, type Landing } from './flight.ts';
import type { Metrics } from './metrics.ts';
import type { Sink } from './sink.ts';

/** The sum of an acknowledged addition. */
export interface Answer {
  readonly requestId: RequestId;
  readonly sum: string;
  /** Whether the answer is that of an earlier call. */
  readonly replayed: boolean;
}

export interface AdderOptions {
  readonly sink: Sink;
  readonly metrics: Metrics;
  /** The time that events carry. */
  readonly now: () => Date;
  /** Attributes that every event carries besides its own. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Where traces are wanted. */
  readonly tracer?: Tracer | undefined;
  readonly maxTimeoutMs: number;
  readonly cacheEntries: number;
  readonly cacheAgeMs: number;
}

export class Adder {
  readonly #options: AdderOptions;
  readonly #flights = new Map<RequestId, Flight>();
  /** What was asked with each acknowledged id. The sum follows from it, so that an entry stays small. */
  readonly #acknowledged: LRUCache<RequestId, string>;
  readonly #onEnd = (flight: Flight, landing: Landing): void => {
    const { addition } = flight;
    this.#flights.delete(addition.requestId);
    if (landing === undefined) this.#acknowledged.set(addition.requestId, fingerprint(addition));
  };

  constructor(options: AdderOptions) {
    this.#options = options;
    this.#acknowledged = new LRUCache({
      // Entries of size 1, not `max`: for that it lays out room for all of them at once, a fifth of a start and 4 MB.
      maxSize: options.cacheEntries,
      sizeCalculation: () => 1,
      ttl: options.cacheAgeMs,
      ttlResolution: 1_000, // Else the cache reads the clock and sets a timer every millisecond.
    });
  }

  /**
   * Adds, and answers exactly once: at once when the id is known, else when the sink has decided or the time is up.
   * A callback, not a promise: answers come from several places and most calls pass here ten thousand times a second.
   * @param timeoutMs how long the caller waits; at most `maxTimeoutMs` is granted
   * @param answer gets an AppError `conflict`, `timeout`, `unavailable` or `refused` when there is no sum
   */
  add(
    addition: Addition,
    timeoutMs: number,
    traceparent: string | undefined,
    answer: (answer: Answer | AppError) => void,
  ): void {
    const { tracer } = this.#options;
    if (tracer === undefined) {
      this.#add(addition, timeoutMs, traceparent, answer);
      return;
    }
    const attributes = { 'tally.request_id': addition.requestId, 'tally.total': addition.total };
    const span = tracer.start('tally.v1.Adder/Add', 'server', traceparent, attributes);
    this.#add(addition, timeoutMs, span.traceparent, (result) => {
      span.end(result instanceof AppError ? result : undefined);
      answer(result);
    });
  }

  #add(
    addition: Addition,
    timeoutMs: number,
    traceparent: string | undefined,
    answer: (answer: Answer | AppError) => void,
  ): void {
    const { sink, metrics, extensions, tracer, now, maxTimeoutMs } = this.#options;
    const { requestId } = addition;
    const sum = addDecimals(addition.a, addition.b);
    const reply = (replayed: boolean) => (landing: Landing) => {
      answer(landing ?? { requestId, sum: formatDecimal(sum), replayed });
    };

    const asked = this.#acknowledged.get(requestId);
    if (asked !== undefined) {
      metrics.cacheHit();
      reply(true)(asked === fingerprint(addition) ? undefined : conflict(requestId));
      return;
    }
    const joined = this.#flights.get(requestId);
    if (joined !== undefined && !isSame(joined.addition, addition)) {
      answer(conflict(requestId));
      return;
    }
    const grantedMs = Math.min(timeoutMs, maxTimeoutMs);
    if (joined !== undefined) {
      metrics.coalesced();
      joined.join(grantedMs, reply(true));
      return;
    }
    const span = tracer?.start('send', 'producer', traceparent);
    const event = encodeEvent(addition, sum, now(), {
      traceparent: span?.traceparent ?? traceparent,
      extensions,
    });
    const flight = new Flight(addition, event, sink, metrics, (ended, landing) => {
      span?.end(landing);
      this.#onEnd(ended, landing);
    });
    this.#flights.set(requestId, flight);
    flight.join(grantedMs, reply(false));
    flight.send();
  }

  /** Ends what is still in flight: its callers hear that the outcome is unknown. */
  abandon(): void {
    const error = new AppError(
      'unavailable',
      'the server stops; whether it was counted is unknown: call again with the same request_id',
    );
    for (const flight of [...this.#flights.values()]) flight.end(error);
  }
}

function conflict(requestId: RequestId): AppError {
  return new AppError(
    'conflict',
    `request_id ${requestId} was used with another a, b or total, and an id means one request: before another id is ` +
      `chosen, ask accumulate which of them is counted (GET /requests/${requestId})`,
  );
}

function isSame(x: Addition, y: Addition): boolean {
  return x.total === y.total && equalDecimals(x.a, y.a) && equalDecimals(x.b, y.b);
}

/** A text for an addition's operands that no other operands have, at most 64 characters long. */
function fingerprint({ total, a, b }: Addition): string {
  const text = `${total} ${formatDecimal(a)} ${formatDecimal(b)}`;
  return text.length <= 64 ? text : hash('sha256', text, 'base64');
}
