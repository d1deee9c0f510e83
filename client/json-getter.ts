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
   * was asked for does not exist, `refused` when the address serves something else, another function's 404 included
   */
  async get(path: string, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    const url = new URL(path, this.#base);
    // AbortSignal.any and AbortSignal.timeout live on after the request, which adds up over a million of them.
    const ending = new AbortController();
    const timer = setTimeout(() => {
      const seconds = (timeoutMs / 1_000).toFixed(1);
      ending.abort(new TallyError('timeout', `${url.origin} did not answer within ${seconds} s`));
    }, timeoutMs);
    const interrupt = () => {
      ending.abort(new TallyError('unavailable', 'interrupted'));
    };
    signal?.addEventListener('abort', interrupt);
    if (signal?.aborted === true) interrupt();
    try {
      const response = await this.#request(url, ending.signal);
      const body = await readText(response);
      if (response.statusCode !== 200) throw this.#readProblem(url, response, body);
      return JSON.parse(body);
    } catch (error) {
      if (error instanceof TallyError) throw error;
      if (error instanceof SyntaxError) throw this.#wrongServer('its answer is not JSON', error);
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

  /** A refusal as RFC 9457 describes it; anything else comes from another server or from something in between. */
  #readProblem(url: URL, { statusCode = 0, headers }: IncomingMessage, body: string): TallyError {
    const isProblem = headers['content-type']?.startsWith('application/problem+json') === true;
    const { type, detail } = isProblem ? ((JSON.parse(body) as Problem | null) ?? {}) : {};
    // Only accumulate knows what is not counted: 404 of anything else says nothing about the request.
    if (statusCode === 404 && type !== notFoundType) return this.#wrongServer(`there is no ${url.pathname}`);
    if (!isProblem && statusCode < 500 && statusCode !== 429) {
      return this.#wrongServer(`it answered ${statusCode}`);
    }
    return new TallyError(codeOf(statusCode), detail ?? `${url.origin} answered ${statusCode}`);
  }

  #wrongServer(reason: string, cause?: unknown): TallyError {
    const message = `${this.#base.href} is not accumulate: ${reason} (see --url)`;
    return new TallyError('refused', message, { cause });
  }
}

interface Problem {
  readonly type?: string;
  readonly detail?: string;
}

/** What accumulate answers for a request that is not counted and for a total that nothing was added to. */
const notFoundType = 'urn:tally:problem:not-found';

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

function codeOf(statusCode: number): ErrorCode {
  if (statusCode === 404) return 'not-found';
  if (statusCode === 429) return 'overloaded';
  if (statusCode === 504) return 'timeout';
  if (statusCode >= 500) return 'unavailable';
  if (statusCode === 401) return 'unauthenticated';
  return statusCode === 403 ? 'forbidden' : 'invalid';
}
