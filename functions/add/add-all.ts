// The bulk method: many requests on one stream, each answered by its own result in the order of completion, so that a
// slow or bad one holds up no other.
//
// Flow control both ways, and nothing is ever refused for want of room: reading pauses while the stream's window is
// full, while there is no place in flight, or while the client leaves results unread. So a stream holds at most one
// window of requests and two of results (one of them never below 16, the mark of Node's streams). What a cancelled stream had begun finishes at the sink all the same.
//
// Who calls is asked once, when the stream opens. When the token expires, the stream ends as at a stop: what was begun is
// answered, and the client has to open another one with a token that is good.

import type { ServerDuplexStream } from '@grpc/grpc-js';

import { AppError, toAppError } from '../../lib/errors.ts';
import type { Addition } from '../../lib/event.ts';
import type { Caller } from '../../lib/tokens.ts';
import type { AddRequest__Output } from '../../proto/generated/tally/v1/AddRequest.ts';
import type { AddResult } from '../../proto/generated/tally/v1/AddResult.ts';
import { admit, timeLeftMs, traceparentOf } from './call.ts';
import type { Adder, Answer } from './handler.ts';
import type { Services } from './services.ts';
import { codeName, toStatus, toStatusObject } from './status.ts';
import { parseAddRequest } from './validate.ts';

export type AddAllCall = ServerDuplexStream<AddRequest__Output, AddResult>;

export function createAddAll(services: Services) {
  const streams = new Set<AddStream>();
  services.readiness.onRefusal(() => {
    for (const stream of streams) stream.refuseMore(services.readiness.refusal);
  });
  const begin = (call: AddAllCall, caller: Caller | undefined): void => {
    // While it was asked who calls, the caller may have gone.
    if (call.cancelled) return;
    let adder;
    try {
      adder = services.takeAdder();
    } catch (error) {
      call.emit('error', toStatusObject(toAppError(error)));
      return;
    }
    const stream = new AddStream(call, adder, services);
    streams.add(stream);
    const expiry = caller && endWhenExpired(stream, caller);
    call.once('close', () => {
      streams.delete(stream);
      clearTimeout(expiry);
    });
  };
  return (call: AddAllCall): void => {
    const startedMs = performance.now();
    admit(
      services.verifier,
      call.metadata,
      (caller) => {
        begin(call, caller);
      },
      (error) => {
        services.metrics.answered('AddAll', codeName(error), startedMs);
        call.emit('error', toStatusObject(error));
      },
    );
  };
}

/** The longest time that Node's timers know. */
const maxTimerMs = 2 ** 31 - 1;

function endWhenExpired(stream: AddStream, { expiresAtMs }: Caller): NodeJS.Timeout {
  const leftMs = Math.max(0, expiresAtMs - Date.now());
  return setTimeout(
    () => {
      stream.refuseMore('the bearer token has expired: open a stream with another one');
    },
    Math.min(leftMs, maxTimerMs),
  );
}

interface Item {
  readonly index: number;
  readonly sentId: string;
  readonly addition: Addition;
  readonly startedMs: number;
}

class AddStream {
  readonly #call: AddAllCall;
  readonly #adder: Adder;
  readonly #services: Services;
  readonly #traceparent: string | undefined;
  #items = 0;
  #outstanding = 0;
  /** Read, and waiting for a place in flight. */
  #held: Item | undefined;
  #isReading = true;
  #isRefusing = false;
  #refusal = 'no more is taken';
  #isHalfClosed = false;
  #isOver = false;

  constructor(call: AddAllCall, adder: Adder, services: Services) {
    this.#call = call;
    this.#adder = adder;
    this.#services = services;
    this.#traceparent = traceparentOf(call.metadata);
    call.on('data', (request: AddRequest__Output) => {
      this.#receive(request);
    });
    call.on('drain', () => {
      this.#regulate();
    });
    call.on('end', () => {
      this.#isHalfClosed = true;
      this.#regulate();
    });
    call.on('cancelled', () => {
      this.#isOver = true;
      this.#held = undefined;
    });
  }

  /** Reads no more; what has begun is answered, then the client is told to send the rest elsewhere. */
  refuseMore(reason = this.#refusal): void {
    this.#isRefusing = true;
    this.#refusal = reason;
    this.#held = undefined;
    this.#regulate();
  }

  #receive(request: AddRequest__Output): void {
    const startedMs = performance.now();
    const index = this.#items++;
    const sentId = request.requestId;
    try {
      this.#begin({ index, sentId, addition: parseAddRequest(request), startedMs });
    } catch (error) {
      this.#write(index, sentId, startedMs, toAppError(error));
    }
    this.#regulate();
  }

  #begin(item: Item): void {
    if (!this.#services.inFlight.enterItem()) {
      this.#held = item;
      this.#services.inFlight.wait(() => {
        this.#beginHeld();
      });
      return;
    }
    this.#outstanding++;
    const timeoutMs = timeLeftMs(this.#call.getDeadline());
    this.#adder.add(item.addition, timeoutMs, this.#traceparent, (answer) => {
      this.#outstanding--;
      this.#write(item.index, item.sentId, item.startedMs, answer);
      this.#services.inFlight.leave();
      this.#regulate();
    });
  }

  #beginHeld(): void {
    const item = this.#held;
    if (item === undefined) return;
    this.#held = undefined;
    this.#begin(item);
    this.#regulate();
  }

  #write(index: number, requestId: string, startedMs: number, answer: Answer | AppError): void {
    const { metrics, log } = this.#services;
    const error = answer instanceof AppError ? answer : undefined;
    if (error?.code === 'internal') log.error({ err: error }, 'AddAll failed');
    metrics.answered('AddAll', codeName(error), startedMs);
    if (this.#isOver) return;
    this.#call.write(
      answer instanceof AppError
        ? { index, requestId, error: toStatus(answer) }
        : { index, requestId, response: answer },
    );
  }

  /** Reads on, pauses or ends the stream, as its state asks. */
  #regulate(): void {
    if (this.#isOver) return;
    const isBusy = this.#outstanding > 0 || this.#held !== undefined;
    if (!isBusy && (this.#isHalfClosed || this.#isRefusing)) {
      this.#isOver = true;
      if (this.#isHalfClosed) this.#call.end();
      else this.#call.emit('error', toStatusObject(this.#refused()));
      return;
    }
    const { streamWindow } = this.#services;
    // 'drain' comes only after the stream's own mark was reached: to stop below it would be to stop for ever.
    const maxUnread = Math.max(streamWindow, this.#call.writableHighWaterMark);
    const mayRead =
      !this.#isRefusing &&
      this.#held === undefined &&
      this.#outstanding < streamWindow &&
      this.#call.writableLength < maxUnread;
    if (mayRead === this.#isReading) return;
    this.#isReading = mayRead;
    if (mayRead) this.#call.resume();
    else this.#call.pause();
  }

  #refused(): AppError {
    const advice = 'every request without a result is to be sent again';
    return new AppError('unavailable', `${this.#refusal}; ${advice}`);
  }
}
