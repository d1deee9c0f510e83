// HTTP requests of the product's code, as undici makes them: reported to a handler, ended by it or with the whole pool.

import type { Dispatcher } from 'undici';

import type { HttpRequest, HttpAnswer } from './http-messages.ts';
import { Call } from './call.ts';
import { network } from './network.ts';
import { world } from './world.ts';

export interface Dispatched {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | null | undefined;
}

export class Requests {
  readonly #connectTimeoutMs: number;
  readonly #calls = new Set<Call<HttpRequest, HttpAnswer>>();
  #isDestroyed = false;

  constructor(connectTimeoutMs: number) {
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  dispatch(origin: string, options: Dispatched, handler: Dispatcher.DispatchHandler): void {
    const controller = {
      aborted: false,
      paused: false,
      reason: null as Error | null,
      abort(reason: Error): void {
        if (controller.aborted) return;
        controller.aborted = true;
        controller.reason = reason;
        call.cut(reason);
      },
      pause: () => undefined,
      resume: () => undefined,
    };
    const report = controller as unknown as Dispatcher.DispatchController;
    const fail = (error: Error): void => {
      this.#calls.delete(call);
      handler.onResponseError?.(report, error);
    };
    const { method, path, headers = {}, body } = options;
    const call: Call<HttpRequest, HttpAnswer> = new Call(
      network(),
      new URL(origin).host,
      { method, path, headers, body: toBuffer(body) },
      {
        onStart: () => handler.onRequestStart?.(report, {}),
        onAnswer: (answer) => {
          this.#calls.delete(call);
          handler.onResponseStart?.(report, answer.status, answer.headers, '');
          if (answer.body.length > 0 && !controller.aborted) handler.onResponseData?.(report, answer.body);
          if (!controller.aborted) handler.onResponseEnd?.(report, {});
        },
        onError: fail,
      },
      this.#connectTimeoutMs,
    );
    if (this.#isDestroyed) {
      world().schedule(world().thread, 0, () => {
        fail(new Error('The client is destroyed'));
      });
      return;
    }
    this.#calls.add(call);
    call.begin();
  }

  destroy(): Promise<void> {
    this.#isDestroyed = true;
    for (const call of [...this.#calls]) call.cut(new Error('The client is destroyed'));
    return Promise.resolve();
  }
}

function toBuffer(body: string | Uint8Array | null | undefined): Buffer {
  return body === null || body === undefined ? Buffer.alloc(0) : Buffer.from(body as Uint8Array);
}
