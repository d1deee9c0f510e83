// The sink that SinkBinding names in K_SINK: events are posted there over a bounded pool of kept-alive connections.
// One attempt each; what to make of its result is for others to say.
//
// The pool is handed no more requests than it has connections, since what it queues itself can't be taken back: while
// the sink's address swallows packets, that would grow for ever. The others wait in line before it.

import type { Dispatcher } from 'undici';
// Not 'undici': its entry loads fetch, WebSocket and the mocks, 60 ms and 7 MB of a process that needs the pool.
import Pool from 'undici/lib/dispatcher/pool.js';

import type { EncodedEvent } from '../../lib/event.ts';
import type { TokenFile } from '../../lib/token-file.ts';
import type { AttemptResult } from './retry.ts';
import { type Turn, Turns } from './turns.ts';

/** A 2xx is acknowledged by its status line; a body longer than this is not read to its end. */
const maxBodyBytes = 64 * 1024;

export interface SinkOptions {
  readonly url: URL;
  /** PEM text of the authorities to trust for https. */
  readonly authorities?: string | undefined;
  /** Where the sink asks who we are. */
  readonly token?: TokenFile | undefined;
  readonly connections: number;
  /** From the post, a wait for a connection included, to the status line; and again for each silence in the body. */
  readonly attemptTimeoutMs: number;
}

export class Sink {
  readonly #pool: Dispatcher;
  readonly #turns: Turns;
  readonly #path: string;
  readonly #token: TokenFile | undefined;
  readonly #timeoutMs: number;

  constructor({ url, authorities, token, connections, attemptTimeoutMs }: SinkOptions) {
    this.#pool = new Pool(url.origin, {
      connections,
      pipelining: 1,
      connect: { timeout: attemptTimeoutMs, ...(authorities !== undefined && { ca: authorities }) },
      maxHeaderSize: 16 * 1024,
    });
    this.#turns = new Turns(connections);
    this.#path = `${url.pathname}${url.search}`;
    this.#token = token;
    this.#timeoutMs = attemptTimeoutMs;
  }

  /** Posts the event once. `done` is called exactly one time, unless the attempt is aborted before. */
  post(event: EncodedEvent, done: (result: AttemptResult) => void): Attempt {
    const send = (attempt: Attempt): void => {
      let headers;
      try {
        headers = this.#sign(event.headers);
      } catch (error) {
        attempt.onResponseError(undefined, error as Error);
        return;
      }
      this.#pool.dispatch(
        {
          path: this.#path,
          method: 'POST',
          headers,
          body: event.body,
          headersTimeout: 0, // The attempt has its own, exact timer: undici's tick once a second.
          bodyTimeout: this.#timeoutMs,
        },
        attempt,
      );
    };
    const attempt = new Attempt(this.#turns, send, done, this.#timeoutMs);
    this.#turns.take(attempt);
    return attempt;
  }

  /** With the token that is good now: another attempt may need another one. */
  #sign(headers: Record<string, string>): Record<string, string> {
    return this.#token === undefined
      ? headers
      : { ...headers, authorization: `Bearer ${this.#token.read()}` };
  }

  /** Ends all connections; attempts that are under way fail, and so does each that waits when its turn comes. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** One request to the sink. */
export class Attempt implements Turn, Dispatcher.DispatchHandler {
  readonly #turns: Turns;
  readonly #send: (attempt: Attempt) => void;
  #done: ((result: AttemptResult) => void) | undefined;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #bodyBytes = 0;

  constructor(
    turns: Turns,
    send: (attempt: Attempt) => void,
    done: (result: AttemptResult) => void,
    timeoutMs: number,
  ) {
    this.#turns = turns;
    this.#send = send;
    this.#done = done;
    this.#timer = setTimeout(() => {
      const cause = new Error(`no answer within ${timeoutMs} ms`);
      this.#finish({ failure: 'timeout', cause });
      this.#giveUp(cause);
    }, timeoutMs);
  }

  /** Gives the attempt up without a result; a request that still waits for a connection is never sent. */
  abort(): void {
    this.#done = undefined;
    clearTimeout(this.#timer);
    this.#giveUp(new Error('given up'));
  }

  begin(): void {
    this.#send(this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while the connection was being made.
    if (this.#done === undefined) controller.abort(new Error('given up'));
    else this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    // 1xx come before the answer.
    if (status >= 200) this.#finish({ status });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > maxBodyBytes) controller.abort(new Error('body too long'));
  }

  /** The result was known from the status line. */
  onResponseEnd(): void {
    this.#turns.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#turns.end();
    this.#finish({ failure: 'unreachable', cause: error });
  }

  #giveUp(cause: Error): void {
    this.#turns.withdraw(this);
    this.#controller?.abort(cause);
  }

  #finish(result: AttemptResult): void {
    clearTimeout(this.#timer);
    const done = this.#done;
    this.#done = undefined;
    done?.(result);
  }
}
