// A small real issuer of tokens: a server with OpenID Connect discovery and keys that rotate, which can be told to
// misbehave. It ends with its test.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';

import { listen } from '../lib/http.ts';
import { closeAfterTest } from './test-log.ts';

export const audience = 'tally';
export const subject = 'system:serviceaccount:default:sender';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Answers a request in place of the issuer. */
export type Misbehaviour = (response: ServerResponse) => void;

/** For a server of https. */
export interface Tls {
  readonly key: string;
  readonly cert: string;
}

export class OidcIssuer {
  readonly url: string;
  /** Every request: its path, and who sent it. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[] = [];
  /** While it is set, nothing is answered as it should be. */
  misbehave: Misbehaviour | undefined;
  /** What it calls itself, when that is not its address. */
  claims: string | undefined;
  /** What its discovery document has besides. */
  metadata: Readonly<Record<string, unknown>> = {};
  readonly #server: Server;
  readonly #published: SigningKey[] = [];
  #key: SigningKey;
  #port: number;

  private constructor(server: Server, port: number, scheme: string) {
    this.#server = server;
    this.#port = port;
    this.url = `${scheme}://127.0.0.1:${port}`;
    this.#key = createKey();
    this.#published.push(this.#key);
    server.on('request', ({ url: path = '', headers }, response: ServerResponse) => {
      this.requests.push({ path, authorization: headers.authorization });
      this.#answer(path, response);
    });
    closeAfterTest(() => this.stop());
  }

  static async start(tls?: Tls): Promise<OidcIssuer> {
    const server = tls === undefined ? createServer() : createTlsServer({ ...tls });
    return new OidcIssuer(server, await listen(server, 0, '127.0.0.1'), tls === undefined ? 'http' : 'https');
  }

  /** How often its keys were asked for. */
  get questions(): number {
    return this.requests.filter(({ path }) => path === '/keys').length;
  }

  /** Nobody answers at its address any more. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async startAgain(): Promise<void> {
    this.#port = await listen(this.#server, this.#port, '127.0.0.1');
  }

  /** Signs with another key from now on; the old one stays published until it is withdrawn. */
  rotate(): void {
    this.#key = createKey();
    this.#published.push(this.#key);
  }

  /** Publishes no key but the one that it signs with. */
  withdrawOldKeys(): void {
    this.#published.splice(0, this.#published.length, this.#key);
  }

  /** Publishes no key at all, as after an accident. */
  loseKeys(): void {
    this.#published.length = 0;
  }

  /** A token that is good for an hour, but for what is said otherwise; a claim that is undefined is not there. */
  async token(
    claims: Readonly<Record<string, unknown>> = {},
    header: { alg?: string; kid?: string | undefined; typ?: string } = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const usual = { iss: this.claims ?? this.url, sub: subject, aud: audience, iat: now, exp: now + 3_600 };
    const payload = JSON.parse(JSON.stringify({ ...usual, ...claims })) as JWTPayload;
    return await new SignJWT(payload)
      .setProtectedHeader(
        JSON.parse(JSON.stringify({ alg: 'RS256', kid: this.#key.kid, ...header })) as JWTHeaderParameters,
      )
      .sign(this.#key.privateKey);
  }

  /** The key that it signs with, as anybody can have it. */
  get publicKey(): KeyObject {
    return this.#key.publicKey;
  }

  get kid(): string {
    return this.#key.kid;
  }

  get document(): Readonly<Record<string, unknown>> {
    return { issuer: this.claims ?? this.url, jwks_uri: `${this.url}/keys`, ...this.metadata };
  }

  #answer(path: string, response: ServerResponse): void {
    if (this.misbehave !== undefined) {
      this.misbehave(response);
      return;
    }
    if (path === '/.well-known/openid-configuration') {
      response.end(JSON.stringify(this.document));
    } else if (path === '/keys') {
      const keys = this.#published.map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        ...{ kid, use: 'sig', alg: 'RS256' },
      }));
      response.end(JSON.stringify({ keys }));
    } else {
      response.writeHead(404).end();
    }
  }
}

let keys = 0;

function createKey(): SigningKey {
  return { kid: `key-${++keys}`, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}
