// A small real HTTP server in the subscriber's place, which can be told to misbehave.

import { type IncomingHttpHeaders, type Server, createServer } from 'node:http';

import { listen } from '../lib/http.ts';

/** A request as it arrived. */
export interface Delivery {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `hang-up` closes the connection, `silence` never answers. */
export type Behaviour = Answer | 'hang-up' | 'silence';

export class FakeSubscriber {
  /** Everything that arrived, in order. */
  readonly deliveries: Delivery[] = [];
  /** What to do with a delivery; `nth` is 1 for the first one of its event id. */
  respond: (delivery: Delivery, nth: number) => Behaviour | Promise<Behaviour> = () => ({ status: 204 });
  /** The most requests that were being answered at one time. */
  mostAtOnce = 0;
  readonly #server: Server;
  readonly #counts = new Map<string, number>();
  #atOnce = 0;
  #port = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#atOnce++;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
      response.on('close', () => this.#atOnce--);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const delivery = { method, url, headers, body: Buffer.concat(chunks).toString() };
        this.deliveries.push(delivery);
        const id = String(headers['ce-id']);
        const nth = this.countOf(id) + 1;
        this.#counts.set(id, nth);
        void Promise.resolve(this.respond(delivery, nth)).then((behaviour) => {
          if (behaviour === 'hang-up') request.socket.destroy();
          else if (behaviour !== 'silence') {
            response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body);
          }
        });
      });
    });
  }

  static async start(port = 0): Promise<FakeSubscriber> {
    const subscriber = new FakeSubscriber();
    subscriber.#port = await listen(subscriber.#server, port, '127.0.0.1');
    return subscriber;
  }

  get port(): number {
    return this.#port;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#port}/`);
  }

  /** The event ids that arrived. */
  get ids(): ReadonlySet<string> {
    return new Set(this.#counts.keys());
  }

  has(id: string): boolean {
    return this.#counts.has(id);
  }

  /** How often an event id arrived. */
  countOf(id: string): number {
    return this.#counts.get(id) ?? 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
