// The sink that SinkBinding names in K_SINK: events are posted there over a bounded pool of kept-alive connections.
// One attempt each; what to make of its result is for others to say.

import type { Dispatcher } from 'undici';
// Not 'undici': its entry loads fetch, WebSocket and the mocks, 60 ms and 7 MB of a process that needs the pool.
import Pool from 'undici/lib/dispatcher/pool.js';

import type { EncodedEvent } from '../../lib/event.ts';
import type { AttemptResult } from './retry.ts';

/** A 2xx is acknowledged by its status line; a body longer than this is not read to its end. */
const maxBodyBytes = 64 * 1024;

export interface SinkOptions {
  readonly url: URL;
  /** PEM text of the authorities to trust for https. */
  readonly authorities?: string | undefined;
  readonly connections: number;
  /** From the moment the request is sent to the status line of the answer, and again to the end of its body. */
  readonly attemptTimeoutMs: number;
}

export class Sink {
  readonly #pool: Dispatcher;
  readonly #path: string;
  readonly #timeoutMs: number;

  constructor({ url, authorities, connections, attemptTimeoutMs }: SinkOptions) {
    this.#pool = new Pool(url.origin, {
      connections,
      pipelining: 1,
      connect: { timeout: attemptTimeoutMs, ...(authorities !== undefined && { ca: authorities }) },
      maxHeaderSize: 16 * 1024,
    });
    this.#path = `${url.pathname}${url.search}`;
    this.#timeoutMs = attemptTimeoutMs;
  }

  /** Posts the event once. `done` is called exactly one time, unless the attempt is aborted before. */
  post(event: EncodedEvent, done: (result: AttemptResult) => void): Attempt {
    const attempt = new Attempt(done, this.#timeoutMs);
    this.#pool.dispatch(
      {
        path: this.#path,
        method: 'POST',
        headers: event.headers,
        body: event.body,
        headersTimeout: 0, // The attempt has its own, exact timer: undici's tick once a second.
        bodyTimeout: this.#timeoutMs,
      },
      attempt,
    );
    return attempt;
  }

  /** Ends all connections; attempts that are under way fail. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** One request to the sink. */
export class Attempt implements Dispatcher.DispatchHandler {
  #done: ((result: AttemptResult) => void) | undefined;
  readonly #timeoutMs: number;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #bodyBytes = 0;

  constructor(done: (result: AttemptResult) => void, timeoutMs: number) {
    this.#done = done;
    this.#timeoutMs = timeoutMs;
  }

  /** Gives the attempt up without a result; a request that still waits for a connection is never sent. */
  abort(): void {
    this.#done = undefined;
    clearTimeout(this.#timer);
    this.#controller?.abort(new Error('given up'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#done === undefined) {
      controller.abort(new Error('given up'));
      return;
    }
    this.#controller = controller;
    this.#timer = setTimeout(() => {
      const cause = new Error(`no answer within ${this.#timeoutMs} ms`);
      this.#finish({ failure: 'timeout', cause });
      controller.abort(cause);
    }, this.#timeoutMs);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    // 1xx come before the answer.
    if (status >= 200) this.#finish({ status });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > maxBodyBytes) controller.abort(new Error('body too long'));
  }

  onResponseEnd(): void {
    // The result was known from the status line.
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish({ failure: 'unreachable', cause: error });
  }

  #finish(result: AttemptResult): void {
    clearTimeout(this.#timer);
    const done = this.#done;
    this.#done = undefined;
    done?.(result);
  }
}
