// `undici` for the product's code: an agent whose requests cross the simulated network.

import type { Dispatcher } from 'undici';

import { type Dispatched, Requests } from '../requests.ts';

class InvalidArgumentError extends Error {}

export const errors = { InvalidArgumentError };

export class Agent {
  // undici's default.
  readonly #requests = new Requests(10_000);

  dispatch(options: Dispatched & { readonly origin: string }, handler: Dispatcher.DispatchHandler): void {
    this.#requests.dispatch(options.origin, options, handler);
  }

  destroy(): Promise<void> {
    return this.#requests.destroy();
  }
}
