// `node:http`'s server for the product's code: requests come from the simulated network, whole or cut off, in one piece or two.

import { EventEmitter } from 'node:events';

import type { HttpAnswer, HttpRequest } from '../http-messages.ts';
import { type Endpoint, type Incoming, network } from '../network.ts';
import { world } from '../world.ts';

type Listener = (request: SimRequest, response: SimResponse) => void;

/** As much of IncomingMessage as the product looks at. */
class SimRequest extends EventEmitter {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly socket: { destroy: () => void; remoteAddress: string };
  complete = false;

  constructor({ method, path, headers, body }: HttpRequest, destroy: () => void) {
    super();
    this.method = method;
    this.url = path;
    this.headers = { ...headers };
    if (body.length > 0 || method === 'POST') this.headers['content-length'] = String(body.length);
    this.socket = { destroy, remoteAddress: '127.0.0.1' };
  }

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }
}

/** As much of ServerResponse as the product uses. */
class SimResponse extends EventEmitter {
  statusCode = 200;
  headersSent = false;
  destroyed = false;
  readonly #headers: Record<string, string> = {};
  readonly #onEnd: (answer: HttpAnswer | undefined) => void;

  constructor(onEnd: (answer: HttpAnswer | undefined) => void) {
    super();
    this.#onEnd = onEnd;
  }

  setHeader(name: string, value: string | number): this {
    this.#headers[name.toLowerCase()] = String(value);
    return this;
  }

  getHeader(name: string): string | undefined {
    return this.#headers[name.toLowerCase()];
  }

  writeHead(status: number, headers: Readonly<Record<string, string | number>> = {}): this {
    this.statusCode = status;
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value);
    this.headersSent = true;
    return this;
  }

  end(body: string | Buffer = ''): this {
    this.headersSent = true;
    this.#finish({ status: this.statusCode, headers: this.#headers, body: Buffer.from(body as string) });
    return this;
  }

  destroy(): this {
    this.#finish(undefined);
    return this;
  }

  #finish(answer: HttpAnswer | undefined): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#onEnd(answer);
    this.emit('close');
  }
}

export class SimServer extends EventEmitter implements Endpoint<HttpRequest, HttpAnswer> {
  readonly process = world().thread.process;
  listening = false;
  readonly #listener: Listener;
  readonly #open = new Set<SimResponse>();
  #onClosed: (() => void) | undefined;

  constructor(listener: Listener) {
    super();
    this.#listener = listener;
  }

  get isListening(): boolean {
    return this.listening && this.process.isAlive;
  }

  listen(): this {
    world().schedule(this.process.main, 0.1, () => {
      this.listening = true;
      network().endpoints.set(this.process, this);
      this.emit('listening');
    });
    return this;
  }

  address(): { port: number } {
    return { port: 8080 };
  }

  close(callback: () => void): this {
    this.listening = false;
    this.#onClosed = callback;
    this.#closeWhenIdle();
    return this;
  }

  closeIdleConnections(): void {
    // Connections are not simulated, only what crosses them.
  }

  closeAllConnections(): void {
    for (const response of [...this.#open]) response.destroy();
  }

  /** The reads of totals do. */
  answersAtOnce({ method, path }: HttpRequest): boolean {
    return method === 'GET' && path.startsWith('/totals');
  }

  accept(sent: HttpRequest, incoming: Incoming<HttpAnswer>): void {
    const response = new SimResponse((answer) => {
      this.#open.delete(response);
      if (answer === undefined) incoming.reset();
      else {
        if (this.process.isAlive) network().onHttpAnswer(sent, answer);
        incoming.answer(answer);
      }
      this.#closeWhenIdle();
    });
    const request = new SimRequest(sent, () => response.destroy());
    const cutOff = (): void => {
      request.emit('close');
      response.destroy();
    };
    incoming.onGone = cutOff;
    this.#open.add(response);
    this.#listener(request, response);
    this.#deliver(request, sent.body, incoming.isCut ? cutOff : undefined);
  }

  /** The body comes a moment later, as it does in Node. */
  #deliver(request: SimRequest, body: Buffer, cutOff: (() => void) | undefined): void {
    const { dice } = world();
    const pieces =
      dice.chance(0.2) && body.length > 1 ? splitAt(body, dice.integer(1, body.length - 1)) : [body];
    if (cutOff !== undefined) pieces.splice(0, pieces.length, body.subarray(0, body.length / 2));
    let delay = 0;
    for (const piece of pieces) {
      world().schedule(this.process.main, (delay += 0.01), () => {
        if (piece.length > 0) request.emit('data', piece);
      });
    }
    world().schedule(this.process.main, delay + 0.01, () => {
      if (cutOff !== undefined) cutOff();
      else {
        request.complete = true;
        request.emit('end');
      }
    });
  }

  #closeWhenIdle(): void {
    if (this.#onClosed === undefined || this.#open.size > 0) return;
    world().schedule(this.process.main, 0, this.#onClosed);
    this.#onClosed = undefined;
  }
}

function splitAt(body: Buffer, at: number): Buffer[] {
  return [body.subarray(0, at), body.subarray(at)];
}

export function createServer(_options: unknown, listener: Listener): SimServer {
  return new SimServer(listener);
}
