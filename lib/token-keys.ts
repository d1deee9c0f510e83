// The keys of an issuer as it last published them. They are asked for again in good time, so that a short absence of the
// issuer is not felt; a key that it withdrew is forgotten with them, at the latest after `maxAgeMs`. However many tokens
// ask for keys that are not there, the issuer is asked no more often than the pause between two questions allows.
//
// jose's own remote key set has no such pause after a failure, and cannot say whether it asked before or after a token came.

import type { JWTVerifyGetKey } from 'jose';
import { createLocalJWKSet } from 'jose/jwks/local';

import { AppError, messageOf } from './errors.ts';
import type { IssuerKeys } from './token-issuer.ts';

/** Keys as they were published at one time. */
export interface Published {
  readonly issuer: string;
  readonly find: JWTVerifyGetKey;
  /** Which question they answered: that was asked before a token came, or after it. */
  readonly question: number;
}

export interface SigningKeysOptions {
  readonly ask: () => Promise<IssuerKeys>;
  readonly maxAgeMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told each time that the issuer has given no keys. */
  readonly onFailure: (error: unknown) => void;
}

/** Between the begins of two questions to the issuer. */
export const pauseMs = 10_000;

export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #published: Published | undefined;
  #publishedAtMs = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #failure: unknown;
  #questions = 0;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /** How many questions were asked so far. */
  get questions(): number {
    return this.#questions;
  }

  /** The keys, unless they are too old to be relied on; asks for new ones meanwhile when it is time. */
  get current(): Published | undefined {
    const { maxAgeMs } = this.#options;
    if (this.#published === undefined || !this.#isWithin(this.#publishedAtMs, maxAgeMs)) return undefined;
    if (!this.#isWithin(this.#publishedAtMs, maxAgeMs / 2)) void this.#ask();
    return this.#published;
  }

  /** @throws AppError `unavailable` when the issuer gives none and those that were had are too old */
  async get(): Promise<Published> {
    return this.current ?? this.renew();
  }

  /**
   * The keys after one more question, unless one was asked a moment ago.
   * @throws AppError `unavailable`
   */
  async renew(): Promise<Published> {
    await this.#ask();
    const { current } = this;
    if (current !== undefined) return current;
    const message = 'the keys of the issuer of tokens cannot be had just now, so nobody can be let in';
    throw new AppError('unavailable', message, { cause: this.#failure });
  }

  async #ask(): Promise<void> {
    if (this.#asking === undefined) {
      if (this.#isWithin(this.#askedAtMs, pauseMs)) return;
      this.#askedAtMs = this.#options.now();
      this.#questions++;
      this.#asking = this.#take(this.#questions, this.#askedAtMs);
    }
    await this.#asking;
  }

  /** Never rejects. */
  async #take(question: number, askedAtMs: number): Promise<void> {
    try {
      const { issuer, jwks } = await this.#options.ask();
      this.#published = { issuer, find: createLocalJWKSet(jwks), question };
      this.#publishedAtMs = askedAtMs;
    } catch (error) {
      this.#failure = error;
      this.#options.onFailure(new Error(messageOf(error), { cause: error }));
    } finally {
      this.#asking = undefined;
    }
  }

  /** Not so either when the clock was set back: then nobody knows how long ago it was. */
  #isWithin(thenMs: number, ms: number): boolean {
    const agoMs = this.#options.now() - thenMs;
    return agoMs >= 0 && agoMs < ms;
  }
}
