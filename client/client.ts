// The client library: additions that count once however often they are sent, and reads of what is counted.

import type { AddAllOptions, AddAllResult } from './add-all.ts';
import type { AddCallOptions, Added } from './add.ts';
import { type AdditionInput, parseAddition } from './addition.ts';
import {
  Accumulate,
  type CountedRequest,
  type ReadOptions,
  type StatusOptions,
  type Total,
} from './accumulate.ts';
import type { Channel } from './channel.ts';

export interface TallyClientOptions {
  /** The add function's gRPC address, `HOST:PORT`; default `localhost:8080`. */
  readonly add?: string | undefined;
  /** Accumulate's address; default `http://localhost:8081`. */
  readonly url?: string | URL | undefined;
  /** The gRPC `:authority` by which a gateway routes to the add function, when it is not the address's host. */
  readonly authority?: string | undefined;
  /** TLS to the add function; plain h2c unless true. */
  readonly tls?: boolean | undefined;
  /**
   * The bearer token of each call to the add function, asked for anew for each attempt and each stream, so that it can be
   * one that is good just now. None is sent without.
   */
  readonly token?: (() => string) | undefined;
}

export interface TallyClient {
  /**
   * Adds a + b to a total, once. Retries keep the id that was given or made, until the call's deadline.
   * @throws TallyError whose `outcomeUnknown` says whether it may be counted all the same; then call again with its
   * `requestId`. Codes: `invalid` (with `violations`), `conflict` (the id is known with other operands), `refused`,
   * `unauthenticated` and `forbidden` (the token), and for the moment `overloaded`, `unavailable`, `timeout`, `internal`.
   */
  add(request: AdditionInput & AddCallOptions): Promise<Added>;

  /**
   * Adds many over one stream, with results in the order of completion; see {@link AddAllOptions} for its bounds.
   * A lost server is waited for and what it had not answered is sent again with the same ids. Ending the iteration
   * early abandons what has no result yet.
   * @throws TallyError when it gives up
   */
  addAll<T extends AdditionInput>(
    source: AsyncIterable<T> | Iterable<T>,
    options?: AddAllOptions,
  ): AsyncIterable<AddAllResult<T>>;

  /** One total, `default` unless named. @throws TallyError `not-found` for one that nothing was ever added to */
  total(name?: string, options?: ReadOptions): Promise<Total>;

  /** All totals, by name. */
  totals(options?: ReadOptions): AsyncIterable<Total>;

  /**
   * The request as it was counted; undefined when it is not counted, or not within `waitMs`.
   * @throws TallyError when that can't be told
   */
  status(requestId: string, options?: StatusOptions): Promise<CountedRequest | undefined>;

  close(): Promise<void>;
}

/** Nothing is connected before it is needed. The client keeps connections until it is closed. */
export function createTallyClient(options: TallyClientOptions = {}): TallyClient {
  const { add: address = 'localhost:8080', url = 'http://localhost:8081', authority, tls, token } = options;
  const accumulate = new Accumulate(new URL(url));
  let opened: Promise<Channel> | undefined;
  const channel = () =>
    (opened ??= import('./channel.ts').then(({ openChannel }) =>
      openChannel({ address, authority, tls, token }),
    ));
  return {
    async add(request) {
      const addition = parseAddition(request);
      const { add } = await import('./add.ts');
      return add(await channel(), addition, request);
    },
    async *addAll(source, options) {
      const { addAll } = await import('./add-all.ts');
      yield* addAll(await channel(), source, options);
    },
    total: (name, options) => accumulate.total(name, options),
    totals: (options) => accumulate.totals(options),
    status: (requestId, options) => accumulate.status(requestId, options),
    async close() {
      accumulate.close();
      (await opened)?.close();
    },
  };
}
