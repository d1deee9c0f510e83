// The answers that several of accumulate's operations give, for its OpenAPI document (openapi.ts).

import type { ErrorCode } from '../../lib/errors.ts';

export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export const json = (schema: string) => ({ 'application/json': { schema: ref(schema) } });

const required = <Schema extends object>(schema: Schema) => ({ required: true, schema });

/** A problem document whose `type` is one of these codes. */
export function problem(status: number, description: string, codes: readonly ErrorCode[]) {
  const types = codes.map((code) => `urn:tally:problem:${code}`);
  const schema = {
    ...ref('Problem'),
    type: 'object',
    properties: { type: { enum: types }, status: { const: status } },
  };
  return { description, content: { 'application/problem+json': { schema } } };
}

/** What Node's HTTP parser answers, before a request is one: nothing but the status. */
const bare = (description: string) => ({ description: `${description} Without a body.` });

/** What every operation may answer. */
export const common = {
  '408': bare('The request did not arrive within REQUEST_TIMEOUT, its headers not within 10 seconds.'),
  '417': bare('An expectation other than `100-continue`.'),
  '431': bare('More than 16 KiB of headers.'),
  '500': problem(500, 'A bug. The same request may succeed later.', ['internal']),
};

/** For what has to look into the ledger. */
export function ledger(...codes: readonly ErrorCode[]) {
  return { ...common, '503': problem(503, 'Not just now: ask again.', ['unavailable', 'damaged', ...codes]) };
}

export const notModified = {
  description: 'What `If-None-Match` names is still the newest. Without a body.',
};

/** For what is not among the paths. */
export const strays = {
  NoSuchPath: problem(404, 'There never is anything at this path.', ['no-such-path']),
  MethodNotAllowed: {
    ...problem(405, 'This path has other methods.', ['method-not-allowed']),
    headers: { allow: required({ enum: ['GET, HEAD', 'POST', 'GET, HEAD, POST'] }) },
  },
};

export const headers = {
  ETag: {
    description: 'Names what was answered, for `If-None-Match`.',
    ...required({ type: 'string', pattern: '^"[^"]+"$' }),
  },
  NoCache: { description: 'Ask again each time, with the ETag.', ...required({ const: 'no-cache' }) },
  Vary: { description: 'The answer differs by this header.', ...required({ const: 'accept' }) },
  NoStore: { description: 'It is of the moment.', ...required({ const: 'no-store' }) },
  NoBuffering: {
    description: 'For proxies: to pass on what comes as it comes.',
    ...required({ const: 'no' }),
  },
  Policy: {
    description: 'Content-Security-Policy: nothing but what comes from here.',
    ...required({ type: 'string', pattern: "^default-src 'none'; " }),
  },
  NoReferrer: { description: 'Nobody is told who linked to them.', ...required({ const: 'no-referrer' }) },
  NoSniffing: { description: 'Files are what they say.', ...required({ const: 'nosniff' }) },
  Outcome: {
    description: '`applied`: counted just now, for a batch at least one of it. `duplicate`: counted before.',
    ...required({ enum: ['applied', 'duplicate'] }),
  },
  Challenge: { description: 'RFC 6750.', ...required({ type: 'string', pattern: '^Bearer ' }) },
};
