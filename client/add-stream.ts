// One AddAll stream from its opening to its end, however it comes: requests numbered, answers matched, a silent server
// left. It forgets nothing: what was sent and not answered can be taken back from it.

import type { Metadata, ServiceError } from '@grpc/grpc-js';

import type { AddResult__Output } from '../proto/generated/tally/v1/AddResult.ts';
import { type Added, readResponse } from './add.ts';
import type { WireAddition } from './addition.ts';
import type { Channel } from './channel.ts';
import { fromServiceError, fromStatus } from './grpc-errors.ts';
import { TallyError } from './tally-error.ts';

/** After the last answer the server has nothing more to do than to end the stream. */
const endMs = 1_000;
const watchMs = 250;

export class AddStream<E extends { readonly addition: WireAddition }> {
  /** Resolves when the stream is over, with what ended it; undefined when that was the server in good order. */
  readonly closed: Promise<TallyError | undefined>;
  readonly #call;
  readonly #stallMs: number;
  readonly #onAnswer: (entry: E, answer: Added | TallyError) => void;
  readonly #unanswered = new Map<number, E>();
  #nextIndex = 0;
  #answered = 0;
  #ended = false;
  #isGivenUp = false;
  #activeAt = performance.now();

  /** @param stallMs when nothing is answered for so long although something waits, the stream is given up */
  constructor(
    { adder }: Channel,
    metadata: Metadata,
    onAnswer: (entry: E, answer: Added | TallyError) => void,
    stallMs: number,
  ) {
    this.#stallMs = stallMs;
    this.#onAnswer = onAnswer;
    const call = adder.addAll(metadata);
    this.#call = call;
    const watch = setInterval(() => {
      this.#cancelWhenSilent();
    }, watchMs);
    const { promise, resolve } = Promise.withResolvers<TallyError | undefined>();
    this.closed = promise.finally(() => {
      clearInterval(watch);
    });
    call.on('data', (result: AddResult__Output) => {
      this.#answer(result);
    });
    call.on('error', (error: ServiceError) => {
      resolve(this.#isGivenUp ? this.#silence() : fromServiceError(error));
    });
    // An error comes before the end that it causes.
    call.on('end', () => {
      resolve(undefined);
    });
  }

  /** How many requests were answered on this stream. */
  get answered(): number {
    return this.#answered;
  }

  /** The requests without an answer, in the order in which they were sent. */
  get unanswered(): E[] {
    return [...this.#unanswered.values()];
  }

  /** The caller bounds how many requests wait for an answer, and with them what waits to be written. */
  send(entry: E): void {
    if (this.#unanswered.size === 0) this.#activeAt = performance.now();
    this.#unanswered.set(this.#nextIndex++, entry);
    this.#call.write(entry.addition);
  }

  /** Nothing more will be sent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#activeAt = performance.now();
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  #answer(result: AddResult__Output): void {
    const entry = this.#unanswered.get(result.index);
    // Not for a request of this stream: without meaning here. If one stays without answer, it is sent again.
    if (entry?.addition.requestId !== result.requestId) return;
    this.#unanswered.delete(result.index);
    this.#answered++;
    this.#activeAt = performance.now();
    const { requestId } = entry.addition;
    const { error, response } = result;
    this.#onAnswer(entry, error ? fromStatus(error, requestId) : readResponse(entry.addition, response));
  }

  #cancelWhenSilent(): void {
    const silentMs = performance.now() - this.#activeAt;
    const isSilent = this.#unanswered.size > 0 ? silentMs > this.#stallMs : this.#ended && silentMs > endMs;
    if (!isSilent) return;
    this.#isGivenUp = true;
    this.cancel();
  }

  /** gRPC would say that the client cancelled, which is not why. */
  #silence(): TallyError {
    const seconds = Math.round(this.#stallMs / 100) / 10;
    const message = `add answered nothing on the stream for ${seconds} s: can it reach its sink? Its own log says`;
    return new TallyError('unavailable', message, { outcomeUnknown: true });
  }
}
