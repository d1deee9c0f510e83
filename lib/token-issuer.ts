// Asks an issuer which keys it signs with, by OpenID Connect Discovery 1.0. What it says is taken only when all of it is
// as it should be; a few seconds and some hundred kilobytes are its limit.

import type { IncomingMessage } from 'node:http';

import type { JSONWebKeySet } from 'jose';

import { show } from './errors.ts';
import { TokenFile } from './token-file.ts';
import { isSafe, type TokenRules } from './token-rules.ts';

export interface IssuerKeys {
  /** What its tokens have as `iss`. */
  readonly issuer: string;
  readonly jwks: JSONWebKeySet;
}

const timeoutMs = 5_000;
const maxBodyBytes = 262_144;

type Source = Pick<TokenRules, 'issuer' | 'discoveryUrl' | 'jwksUrl' | 'authorities' | 'tokenFile'>;

/** @returns a function that asks once each time it is called, and rejects when there is no good answer */
export function createIssuerRequest(source: Source): () => Promise<IssuerKeys> {
  const { issuer: expected, discoveryUrl, jwksUrl, authorities, tokenFile } = source;
  const token = tokenFile === undefined ? undefined : new TokenFile(tokenFile);
  const trusted = [discoveryUrl?.origin, jwksUrl?.origin];
  const get = (url: URL): Promise<Record<string, unknown>> => {
    // Our token is for those who were named in the configuration, not for whom they name.
    const headers = token !== undefined &&
      trusted.includes(url.origin) && { authorization: `Bearer ${token.read()}` };
    return getJson(url, { accept: 'application/json', ...headers }, authorities);
  };
  return async () => {
    const document = discoveryUrl === undefined ? undefined : await get(discoveryUrl);
    const issuer = document === undefined ? expected : document['issuer'];
    if (typeof issuer !== 'string' || issuer !== (expected ?? issuer)) {
      throw new Error(`the issuer calls itself ${show(issuer)}, not ${show(expected)}`);
    }
    const jwks = await get(jwksUrl ?? keysAddress(document?.['jwks_uri']));
    // An issuer without keys has lost them: what it said before is better.
    if (!Array.isArray(jwks['keys']) || jwks['keys'].length === 0) throw new Error('there are no keys');
    return { issuer, jwks: jwks as unknown as JSONWebKeySet };
  };
}

function keysAddress(address: unknown): URL {
  if (typeof address === 'string' && isSafe(address)) return new URL(address);
  throw new Error(`jwks_uri is ${show(address)}, should be an https:// address`);
}

/** One GET, without redirects, on a connection of its own: it is done every few minutes. */
async function getJson(
  url: URL,
  headers: Record<string, string>,
  ca: string | undefined,
): Promise<Record<string, unknown>> {
  // As lib/http.ts says, not imported by name; TLS is loaded only when there is an issuer to ask.
  const { get } =
    url.protocol === 'https:'
      ? process.getBuiltinModule('node:https')
      : process.getBuiltinModule('node:http');
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { headers, signal, agent: false, ...(ca !== undefined && { ca }) }, resolve)
        .on('error', reject)
        // Nobody waits for an issuer that is slow when the process could end.
        .on('socket', (socket) => socket.unref());
    });
    if (response.statusCode !== 200) {
      response.destroy();
      throw new Error(`status ${String(response.statusCode)}`);
    }
    const document: unknown = JSON.parse(await readText(response));
    if (typeof document !== 'object' || document === null) throw new Error('it is no JSON object');
    return document as Record<string, unknown>;
  } catch (cause) {
    const timeout = `no answer within ${timeoutMs / 1_000} s`;
    // An AggregateError (one for each address of the host) has its reason in the code only.
    const { message, code = '' } = cause as NodeJS.ErrnoException;
    throw new Error(`${url.href}: ${signal.aborted ? timeout : message || code}`, { cause });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > maxBodyBytes) throw new Error(`more than ${maxBodyBytes} bytes`);
  }
  return text;
}
