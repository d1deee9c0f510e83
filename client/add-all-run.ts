// One run of addAll: reads the source, keeps a stream open as long as there is something to send, and hands out results.
// Nothing that was read is forgotten (I1): until it has a result, an addition is waiting to be sent, on a stream, or
// waiting to be sent again.

import { setTimeout as sleep } from 'node:timers/promises';

import type { AddAllOptions, AddAllResult } from './add-all.ts';
import { AddStream } from './add-stream.ts';
import type { Added, OnRetry } from './add.ts';
import { type AdditionInput, parseAddition } from './addition.ts';
import { backoffMs } from './backoff.ts';
import type { Channel } from './channel.ts';
import { Condition } from './condition.ts';
import { PendingAddition } from './pending-addition.ts';
import { TallyError } from './tally-error.ts';

const connectMs = 1_000;
/** A stream on which nothing is answered for so long is left for a new one; sooner when there is less patience. */
const maxStallMs = 15_000;

export class AddAllRun<T extends AdditionInput> {
  readonly #channel: Channel;
  readonly #window: number;
  readonly #patienceMs: number;
  readonly #onRetry: OnRetry | undefined;
  readonly #stopping = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Notified when there may be something for `send`, for `results`, for `read`. */
  readonly #work = new Condition();
  readonly #done = new Condition();
  readonly #room = new Condition();
  #unsent: PendingAddition<T>[] = [];
  #results: AddAllResult<T>[] = [];
  /** Additions without a result: to be sent, sent, or waiting to be sent again. */
  #open = 0;
  /** Additions not yet handed out with their result. */
  #held = 0;
  #stream: AddStream<PendingAddition<T>> | undefined;
  #sourceEnded = false;
  /** Something was sent and lost, or failed in a way that leaves open whether it counts. */
  #maybeCounted = false;
  #progressAt = performance.now();
  #lastError: TallyError | undefined;
  #failure: { readonly error: unknown } | undefined;
  #sourceFailure: { readonly error: unknown } | undefined;

  constructor(channel: Channel, { window = 1_000, patienceMs = 60_000, onRetry }: AddAllOptions) {
    this.#channel = channel;
    this.#window = window;
    this.#patienceMs = patienceMs;
    this.#onRetry = onRetry;
  }

  /** Reads the source as far as there is room. Never throws: the source's error comes out of `results`. */
  async read(source: AsyncIterable<T> | Iterable<T>): Promise<void> {
    try {
      for await (const input of source) {
        this.#admit(input);
        while (this.#held >= this.#window && !this.#stopped) await this.#room.wait();
        if (this.#stopped) break;
      }
    } catch (error) {
      this.#sourceFailure = { error };
    }
    this.#sourceEnded = true;
    this.#advance();
  }

  async *results(): AsyncGenerator<AddAllResult<T>, void, undefined> {
    for (;;) {
      const results = this.#results;
      this.#results = [];
      for (const result of results) {
        this.#held--;
        this.#room.notify();
        yield result;
      }
      if (this.#results.length > 0) continue;
      if (this.#failure !== undefined || this.#complete) break;
      await this.#done.wait();
    }
    const failure = this.#failure ?? this.#sourceFailure;
    if (failure !== undefined) throw failure.error;
  }

  /** Keeps a stream open as long as there is something to send; ends when all is answered or the run was stopped. */
  async send(): Promise<void> {
    const watch = setInterval(
      () => {
        this.#failWithoutProgress();
      },
      Math.min(1_000, this.#patienceMs / 4),
    );
    try {
      for (let failures = 0; !this.#stopped && !this.#complete;) {
        if (this.#open === 0) {
          await this.#work.wait();
          continue;
        }
        const { answered, error } = await this.#runStream();
        if (error === undefined) continue;
        failures = answered > 0 ? 1 : failures + 1;
        await this.#retry(error, failures);
      }
    } finally {
      clearInterval(watch);
    }
  }

  /** Gives up: what has no result by now gets none. */
  fail(reason: string, cause?: TallyError): void {
    const outcomeUnknown = this.#maybeCounted || (this.#stream?.unanswered.length ?? 0) > 0;
    const code = cause?.code ?? 'unavailable';
    this.#failure ??= { error: new TallyError(code, reason, { outcomeUnknown, cause }) };
    this.stop();
    this.#done.notify();
  }

  stop(): void {
    this.#stopping.abort();
    // After an orderly end the server closes the stream itself.
    if (!this.#complete) this.#stream?.cancel();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#room.notify();
    this.#work.notify();
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  get #complete(): boolean {
    return this.#sourceEnded && this.#open === 0;
  }

  #admit(input: T): void {
    this.#held++;
    if (this.#open++ === 0) this.#progressAt = performance.now();
    try {
      this.#unsent.push(new PendingAddition(input, parseAddition(input)));
      this.#advance();
    } catch (error) {
      if (!(error instanceof TallyError)) throw error;
      this.#finish({ input, error });
    }
  }

  #finish(result: AddAllResult<T>): void {
    this.#open--;
    this.#results.push(result);
    this.#done.notify();
    if (this.#complete) this.#advance();
  }

  /** Sends what can be sent, ends what has ended. */
  #advance(): void {
    if (this.#stream !== undefined && this.#unsent.length > 0) {
      for (const pending of this.#unsent) this.#stream.send(pending);
      this.#unsent = [];
    }
    if (this.#complete) {
      this.#stream?.end();
      this.#done.notify();
    }
    this.#work.notify();
  }

  async #runStream(): Promise<{ answered: number; error: TallyError | undefined }> {
    const metadata = await this.#channel.connect(connectMs);
    if (metadata instanceof TallyError) return { answered: 0, error: metadata };
    if (this.#stopped) return { answered: 0, error: undefined };
    const stream = new AddStream<PendingAddition<T>>(
      this.#channel,
      metadata,
      (pending, answer) => {
        this.#take(pending, answer);
      },
      Math.min(maxStallMs, this.#patienceMs / 4),
    );
    this.#stream = stream;
    this.#advance();
    const error = await stream.closed;
    this.#stream = undefined;
    const { answered, unanswered } = stream;
    // A server that refuses the whole stream has begun nothing of it.
    if (unanswered.length > 0 && error?.retryable !== false) {
      this.#maybeCounted = true;
      for (const pending of unanswered) pending.lose();
    }
    this.#unsent = [...unanswered, ...this.#unsent];
    if (error === undefined && !this.#complete) {
      return { answered, error: new TallyError('unavailable', 'the server ended the stream') };
    }
    return { answered, error };
  }

  async #retry(error: TallyError, failures: number): Promise<void> {
    if (this.#stopped || this.#complete) return;
    if (!error.retryable) {
      this.fail(error.message, error);
      return;
    }
    this.#lastError = error;
    this.#onRetry?.(error);
    await sleep(backoffMs(failures, error.pushbackMs), undefined, { signal: this.#stopping.signal }).catch(
      () => undefined,
    );
  }

  #take(pending: PendingAddition<T>, answer: Added | TallyError): void {
    const { input } = pending;
    if (!(answer instanceof TallyError) || !answer.retryable) this.#progressAt = performance.now();
    if (!(answer instanceof TallyError)) {
      this.#finish({ input, ...answer });
      return;
    }
    this.#maybeCounted ||= answer.outcomeUnknown;
    const verdict = pending.fail(answer, this.#patienceMs);
    if ('error' in verdict) {
      this.#finish({ input, error: verdict.error });
    } else {
      this.#lastError = answer;
      this.#onRetry?.(answer);
      this.#sendLater(pending, verdict.retryAfterMs);
    }
  }

  #sendLater(pending: PendingAddition<T>, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#unsent.push(pending);
      this.#advance();
    }, delayMs);
    this.#timers.add(timer);
  }

  #failWithoutProgress(): void {
    if (this.#open === 0 || performance.now() - this.#progressAt <= this.#patienceMs) return;
    const last = this.#lastError === undefined ? '' : `; last: ${this.#lastError.message}`;
    this.fail(`nothing was answered for ${this.#patienceMs / 1_000} s${last}`, this.#lastError);
  }
}
