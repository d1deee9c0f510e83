// undici's pool for the product's code: requests to one origin, over the simulated network.

import type { Dispatcher } from 'undici';

import { type Dispatched, Requests } from '../requests.ts';

export default class Pool {
  readonly #origin: string;
  readonly #requests: Requests;

  constructor(origin: string, { connect }: { readonly connect: { readonly timeout: number } }) {
    this.#origin = origin;
    this.#requests = new Requests(connect.timeout);
  }

  dispatch(options: Dispatched, handler: Dispatcher.DispatchHandler): void {
    this.#requests.dispatch(this.#origin, options, handler);
  }

  destroy(): Promise<void> {
    return this.#requests.destroy();
  }
}
