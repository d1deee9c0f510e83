// GET of a JSON document over kept-alive connections. node:http rather than fetch or undici: it is loaded in a few
// milliseconds, which is most of what a single read costs.

import { Agent as HttpAgent, type IncomingMessage, get as httpGet } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';

import { type ErrorCode, messageOf } from '../lib/errors.ts';
import { TallyError } from './tally-error.ts';

const maxSockets = 64;
const maxBodyBytes = 16 * 2 ** 20;

export class JsonGetter {
  readonly #base: URL;
  readonly #agent: HttpAgent;

  /** @param base with or without a path of its own, which stands before every path asked for */
  constructor(base: URL) {
    this.#base = base.pathname.endsWith('/') ? base : new URL(`${base.href}/`);
    const options = { keepAlive: true, maxSockets };
    this.#agent = base.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /**
   * One attempt.
   * @param path relative, without a leading slash
   * @throws TallyError `unavailable` or `timeout` when there is no answer, `not-found` when the server says that what
   * was asked for does not exist, `refused` when the address serves something else
   */
  async get(path: string, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    const url = new URL(path, this.#base);
    // AbortSignal.any and AbortSignal.timeout live on after the request, which adds up over a million of them.
    const ending = new AbortController();
    const timer = setTimeout(() => {
      ending.abort(new TallyError('timeout', `${url.host} did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const interrupt = () => {
      ending.abort(new TallyError('unavailable', 'interrupted'));
    };
    signal?.addEventListener('abort', interrupt);
    if (signal?.aborted === true) interrupt();
    try {
      const response = await this.#request(url, ending.signal);
      const body = await readText(response);
      if (response.statusCode !== 200) throw readProblem(url, response, body);
      return JSON.parse(body);
    } catch (error) {
      if (error instanceof TallyError) throw error;
      if (error instanceof SyntaxError) throw wrongServer(url, 'its answer is not JSON', error);
      if (ending.signal.aborted) throw ending.signal.reason;
      // An AggregateError (one for each address of the host) has its reason in the code only.
      const reason = messageOf(error) || String((error as NodeJS.ErrnoException).code);
      throw new TallyError('unavailable', `no answer from ${url.origin}: ${reason}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', interrupt);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    return new Promise((resolve, reject) => {
      get(url, { agent: this.#agent, headers: { accept: 'application/json' }, signal }, resolve).on(
        'error',
        reject,
      );
    });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let bytes = 0;
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes)
      throw new TallyError('too-large', `an answer of more than ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function wrongServer(url: URL, reason: string, cause?: unknown): TallyError {
  return new TallyError(
    'refused',
    `${url.origin} does not answer as accumulate does: ${reason} (see --url)`,
    {
      cause,
    },
  );
}

/** A refusal as RFC 9457 describes it; anything else comes from another server or from something in between. */
function readProblem(url: URL, { statusCode = 0, headers }: IncomingMessage, body: string): TallyError {
  const isProblem = headers['content-type']?.startsWith('application/problem+json') === true;
  if (!isProblem && statusCode < 500 && statusCode !== 429) return wrongServer(url, `status ${statusCode}`);
  const code = codeOf(statusCode);
  const message = isProblem
    ? (JSON.parse(body) as { detail: string }).detail
    : `${url.origin} answered ${statusCode}`;
  return new TallyError(code, message);
}

function codeOf(statusCode: number): ErrorCode {
  if (statusCode === 404) return 'not-found';
  if (statusCode === 429) return 'overloaded';
  if (statusCode === 504) return 'timeout';
  if (statusCode >= 500) return 'unavailable';
  return statusCode === 401 || statusCode === 403 ? 'refused' : 'invalid';
}
