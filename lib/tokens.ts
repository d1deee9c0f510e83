// Who calls: verifies bearer tokens (JWT, RFC 7519) of one issuer, for one audience, of those who may.
//
// A token is refused for good (`unauthenticated`, `forbidden`) only when that is certain. While the issuer's keys cannot
// be had, or a token names a key that may have been published since they were, the answer is `unavailable`: a KafkaSource
// comes again then, and after a 401 or 403 it never does. Nothing is let in on a guess.
//
// What was verified is remembered with the keys that verified it, since a source sends one token with an hour of events; it
// is forgotten with them, so a key that was withdrawn ends what it signed no later than without that.

import type { CryptoKey, JWTHeaderParameters, JWTPayload } from 'jose';
import { decodeProtectedHeader } from 'jose/decode/protected_header';
import * as errors from 'jose/errors';
import { jwtVerify } from 'jose/jwt/verify';

import { AppError, messageOf, show } from './errors.ts';
import type { Log } from './log.ts';
import { createIssuerRequest } from './token-issuer.ts';
import { type Published, SigningKeys } from './token-keys.ts';
import type { TokenRules } from './token-rules.ts';

export interface Caller {
  /** The token's `sub`. */
  readonly subject: string;
  /** When the token is no longer taken, milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Signatures that only the holder of a private key can make: neither `none` nor HS256, whose key would be public. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** By how much the issuer's clock and ours may differ. */
const skewSeconds = 60;
const maxTokenLength = 8_192;
const maxRemembered = 1_000;
/** Tokens that are being verified at one time: a flood of them waits for nobody. */
const maxVerifying = 1_000;
/** Those of them that wait for the issuer, since they name no key that is known: others must not wait with them. */
const maxAsking = 100;
/** Keys that are tried for a token that does not say which it is signed with. */
const maxTried = 8;
const noteEveryMs = 60_000;
/** What tokens may call themselves in their header, if anything: a JWT, an access token (RFC 9068). */
const types: readonly unknown[] = [undefined, 'jwt', 'at+jwt'];

export class TokenVerifier {
  readonly #rules: TokenRules;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #keys: SigningKeys;
  readonly #remembered = new Map<string, { readonly caller: Caller; readonly by: Published }>();
  #verifying = 0;
  #asking = 0;
  /** By kind of refusal, so that those that anybody can bring about do not hide the others. */
  readonly #notes = new Map<string, { refusals: number; notedAtMs: number }>();

  /** Begins to ask for the keys, so that they are there when the first token is. */
  constructor(rules: TokenRules, log: Log, now: () => number = Date.now) {
    this.#rules = rules;
    this.#log = log;
    this.#now = now;
    this.#keys = new SigningKeys({
      ask: createIssuerRequest(rules),
      maxAgeMs: rules.keysMaxAgeMs,
      now,
      onFailure: (error) => {
        log.error(`the issuer of tokens gave no keys: ${messageOf(error)}`);
      },
    });
    // What is wrong is logged, and asked again with the first token.
    this.#keys.get().catch(() => undefined);
  }

  /**
   * Who sent a request, at once for a token that was verified before.
   * @param authorization the values of the request's Authorization header, as many as it has
   * @throws AppError `unauthenticated`, `forbidden`; `unavailable` and `overloaded` when it may be good all the same. A
   * promise rejects with the same.
   */
  check(authorization: readonly string[]): Caller | Promise<Caller> {
    try {
      const token = readBearer(authorization);
      const known = this.#recall(token);
      if (known !== undefined) return this.#permit(known);
      if (this.#verifying >= maxVerifying) {
        throw new AppError('overloaded', `${maxVerifying} tokens are being verified, no more just now`);
      }
      return this.#admit(token);
    } catch (error) {
      throw this.#noted(error);
    }
  }

  async #admit(token: string): Promise<Caller> {
    this.#verifying++;
    try {
      return this.#permit(await this.#verify(token));
    } catch (error) {
      throw this.#noted(error);
    } finally {
      this.#verifying--;
    }
  }

  #recall(token: string): Caller | undefined {
    const entry = this.#remembered.get(token);
    if (entry === undefined) return undefined;
    if (entry.by === this.#keys.current && this.#now() < entry.caller.expiresAtMs) return entry.caller;
    this.#remembered.delete(token);
    return undefined;
  }

  async #verify(token: string): Promise<Caller> {
    const before = this.#keys.questions;
    let by = await this.#keys.get();
    let caller = await this.#verifyBy(token, by);
    if (caller === undefined && by.question <= before && this.#asking < maxAsking) {
      by = await this.#renew();
      caller = await this.#verifyBy(token, by);
    }
    if (caller === undefined) {
      if (by.question > before) throw refusal('it is signed with no key that its issuer publishes');
      const message =
        'the token is signed with no key that its issuer had published some seconds ago: try again';
      throw new AppError('unavailable', message);
    }
    if (this.#remembered.size >= maxRemembered) {
      const [oldest = ''] = this.#remembered.keys();
      this.#remembered.delete(oldest);
    }
    this.#remembered.set(token, { caller, by });
    return caller;
  }

  async #renew(): Promise<Published> {
    this.#asking++;
    try {
      return await this.#keys.renew();
    } finally {
      this.#asking--;
    }
  }

  /** @returns undefined when the key that it is signed with is not among these, as far as the token says which that is */
  async #verifyBy(token: string, { find, issuer }: Published): Promise<Caller | undefined> {
    const options = {
      algorithms,
      issuer,
      audience: this.#rules.audience,
      requiredClaims: ['sub', 'exp'],
      clockTolerance: skewSeconds,
      currentDate: new Date(this.#now()),
    };
    try {
      const { payload, protectedHeader } = await jwtVerify(token, find, options).catch((error: unknown) => {
        if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
        return tryEach(error, (key) => jwtVerify(token, key, options));
      });
      return readCaller(payload, protectedHeader);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      const isUnfit = error instanceof errors.JWSSignatureVerificationFailed;
      if (isUnfit && decodeProtectedHeader(token).kid === undefined) return undefined;
      if (error instanceof AppError) throw error;
      // Of the token, or of a key that can't be used: then the issuer has to mend it and the token may be good.
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid)) {
        throw refusal(describe(error), error);
      }
      const message = `the issuer's key cannot be used: ${messageOf(error)}`;
      throw new AppError('unavailable', message, { cause: error });
    }
  }

  #permit(caller: Caller): Caller {
    const { subjects } = this.#rules;
    if (subjects.size === 0 || subjects.has(caller.subject)) return caller;
    throw new AppError(
      'forbidden',
      `${show(caller.subject)} may not do this: it is none of the allowed subjects`,
    );
  }

  /** Says now and then that somebody is turned away: it may be a source that is not set up well. */
  #noted(error: unknown): unknown {
    if (!(error instanceof AppError) || error.retryable) return error;
    const kind = isSigned(error) ? `signed, ${error.code}` : error.code;
    const note = this.#notes.get(kind) ?? { refusals: 0, notedAtMs: Number.NEGATIVE_INFINITY };
    this.#notes.set(kind, note);
    note.refusals++;
    if (Math.abs(this.#now() - note.notedAtMs) < noteEveryMs) return error;
    note.notedAtMs = this.#now();
    this.#log.warn({ code: error.code, refusals: note.refusals }, `turned away: ${error.message}`);
    note.refusals = 0;
    return error;
  }
}

/** Whether a token of the issuer was refused for what it says: nobody else can make that happen. */
function isSigned({ cause }: AppError): boolean {
  return cause instanceof errors.JWTClaimValidationFailed || cause instanceof errors.JWTExpired;
}

/** @throws JWSSignatureVerificationFailed when the token is signed with none of the keys */
async function tryEach<T>(
  keys: AsyncIterable<CryptoKey>,
  verify: (key: CryptoKey) => Promise<T>,
): Promise<T> {
  let tried = 0;
  for await (const key of keys) {
    if (++tried > maxTried) break;
    try {
      return await verify(key);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** RFC 6750, section 2.1; the name of a scheme is in any case (RFC 9110, section 11.1). */
function readBearer([value, ...more]: readonly string[]): string {
  if (value === undefined) throw new AppError('unauthenticated', 'a bearer token is needed, there is none');
  if (more.length > 0) throw refusal('there is more than one Authorization header');
  const [, token] = /^bearer +([\w.~+/-]+=*)$/i.exec(value) ?? [];
  if (token === undefined) throw refusal('the Authorization header is not "Bearer" and a token');
  if (token.length > maxTokenLength) throw refusal(`it is longer than ${maxTokenLength} characters`);
  return token;
}

/** @throws AppError `unauthenticated` for one that is good for something else (RFC 8725, section 3.11) */
function readCaller({ sub, exp, cnf }: JWTPayload, { typ }: JWTHeaderParameters): Caller {
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;
  if (!types.includes(type)) throw refusal(`it is a ${show(typ)}, should be a JWT`);
  if (cnf !== undefined) throw refusal('it is good only with a key that its sender has to prove (cnf)');
  if (typeof sub !== 'string' || sub === '' || exp === undefined) {
    throw refusal(`its subject is ${show(sub)}, should be a name`);
  }
  return { subject: sub, expiresAtMs: (exp + skewSeconds) * 1_000 };
}

function refusal(reason: string, cause?: unknown): AppError {
  return new AppError('unauthenticated', `the bearer token is not accepted: ${reason}`, { cause });
}

/** What jose found, with the value that it found it in and whose token it is: its signature is good then. */
function describe(error: Error & { claim?: unknown; payload?: unknown }): string {
  const { message, claim, payload } = error;
  if (typeof claim !== 'string' || typeof payload !== 'object' || payload === null) return message;
  const claims = payload as Record<string, unknown>;
  const value = claim in claims ? `: ${JSON.stringify(claims[claim]).slice(0, 200)}` : '';
  return `${message}${value}, of ${show(claims['sub'])}`;
}
