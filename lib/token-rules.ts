// Whose tokens are taken and where the keys are that they are signed with, from environment variables. accumulate's are
// OIDC_ISSUER and so on, add's ADD_OIDC_ISSUER: under `npm start` both have one environment.

import type { EnvReader } from './env.ts';
import type { Log } from './log.ts';
import { isLoopback } from './loopback.ts';
import type { TokenVerifier } from './tokens.ts';

export interface TokenRules {
  /** What tokens must have as `iss`; undefined: whatever the document of `discoveryUrl` calls itself. */
  readonly issuer: string | undefined;
  /** The issuer's OpenID Connect discovery document; undefined when nothing has to be discovered. */
  readonly discoveryUrl: URL | undefined;
  /** The issuer's JSON Web Key Set; undefined: where the discovery document says. */
  readonly jwksUrl: URL | undefined;
  /** PEM text of the authorities to trust for https to the issuer, in place of the usual ones. */
  readonly authorities: string | undefined;
  /** A file with the bearer token by which the issuer knows us; undefined where it asks for none. */
  readonly tokenFile: string | undefined;
  /** What tokens must have as `aud`, alone or in a list. */
  readonly audience: string;
  /** Whose tokens are taken, by `sub`; empty: anybody's. */
  readonly subjects: ReadonlySet<string>;
  /** How long the issuer's keys are used after it published them. */
  readonly keysMaxAgeMs: number;
}

/**
 * Kubernetes' API server. By which name it issues tokens differs from cluster to cluster, and the `jwks_uri` that it
 * publishes is for those outside, often an address of a node; its own paths are the same everywhere
 * (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery).
 */
export const clusterIssuer = 'kubernetes';
const apiServer = 'https://kubernetes.default.svc';
const clusterKeysPath = '/openid/v1/jwks';
const discoveryPath = '/.well-known/openid-configuration';

const minute = 60_000;

/** @returns undefined when no issuer is set: nobody is asked who they are */
export function readTokenRules(reader: EnvReader, prefix: '' | 'ADD_'): TokenRules | undefined {
  const name = (rest: string): string => `${prefix}OIDC_${rest}`;
  const expected = `an https:// address, http:// on this machine alone, or ${clusterIssuer}`;
  const issuer = reader.read<string | undefined>(name('ISSUER'), expected, undefined, (text) =>
    text === clusterIssuer || (isSafe(text) && !/[?#]/.test(text)) ? text : undefined,
  );
  const jwksUrl = reader.read<URL | undefined>(
    name('JWKS_URL'),
    'an https:// address, or http:// on this machine alone',
    undefined,
    (text) => (isSafe(text) ? new URL(text) : undefined),
  );
  const authorities = reader.read<string | undefined>(
    name('CA_CERTS'),
    'certificates in PEM',
    undefined,
    (text) => (text.includes('-----BEGIN CERTIFICATE-----') ? text : undefined),
  );
  const tokenFile = reader.file(name('TOKEN_FILE'));
  const audience = reader.read<string | undefined>(
    name('AUDIENCE'),
    'text without blanks around it',
    undefined,
    (text) => (text === text.trim() ? text : undefined),
  );
  const subjects = reader.read<ReadonlySet<string>>(
    name('SUBJECTS'),
    'one or more subjects, parted by commas',
    new Set(),
    (text) => {
      const names = text.split(',').map((part) => part.trim());
      return names.includes('') ? undefined : new Set(names);
    },
  );
  const keysMaxAgeMs = reader.durationMs(name('KEYS_MAX_AGE'), 10 * minute, {
    min: minute,
    max: 24 * 60 * minute,
  });
  if (reader.text(name('ISSUER')) === undefined) {
    // Whoever sets any of them means to be protected.
    for (const rest of ['AUDIENCE', 'SUBJECTS', 'JWKS_URL', 'CA_CERTS', 'TOKEN_FILE', 'KEYS_MAX_AGE']) {
      if (reader.text(name(rest)) === undefined) continue;
      reader.problem(name(rest), `is set without ${name('ISSUER')}, so nobody would be asked for a token`);
    }
    return undefined;
  }
  if (reader.text(name('AUDIENCE')) === undefined) {
    reader.problem(name('AUDIENCE'), 'is unset, should be what the tokens are issued for');
  }
  const isCluster = issuer === clusterIssuer;
  const base = isCluster ? apiServer : issuer?.replace(/\/$/, '');
  const isDiscovered = isCluster || jwksUrl === undefined;
  return {
    issuer: isCluster ? undefined : issuer,
    discoveryUrl: isDiscovered && base !== undefined ? new URL(base + discoveryPath) : undefined,
    jwksUrl: jwksUrl ?? (isCluster ? new URL(apiServer + clusterKeysPath) : undefined),
    authorities,
    tokenFile,
    audience: audience ?? '',
    subjects,
    keysMaxAgeMs,
  };
}

/** Keys that come in clear can be anybody's. An address with a password in it would be in messages. */
export function isSafe(text: string): boolean {
  const url = URL.parse(text);
  if (/\s/.test(text) || url?.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

/** The verifier for the rules, loaded only where there are any: it would be a twentieth of every other start. */
export async function createVerifier(
  rules: TokenRules | undefined,
  log: Log,
): Promise<TokenVerifier | undefined> {
  if (rules === undefined) return undefined;
  const { TokenVerifier } = await import('./tokens.ts');
  return new TokenVerifier(rules, log);
}

/**
 * Says at a start that others than those on this machine can add without being asked who they are.
 * @param remedy what to set, where there is something to set: else the network has to be private
 */
export function warnOfStrangers(
  log: Log,
  { host, tokens }: { readonly host: string | undefined; readonly tokens?: TokenRules | undefined },
  remedy?: string,
): void {
  if (tokens !== undefined || (host !== undefined && isLoopback(host))) return;
  const advice = `${remedy === undefined ? '' : `${remedy}, or `}keep the network private (docs/security.md)`;
  log.warn(`whoever reaches this port can add, nobody is asked who they are: ${advice}`);
}
