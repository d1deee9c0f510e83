// The HTTP server: which request goes where, limits on what a client may do to it, problems as documents. Bare
// node:http, because with a framework in front an event would cost twice as much (docs/adr/0004-no-web-framework.md).

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { AppError, show, toAppError } from '../../lib/errors.ts';
import { createServer as createHttpServer, sendJson, sendProblem, sendText } from '../../lib/http.ts';
import type { Log } from '../../lib/log.ts';
import type { Ingest } from './ingest.ts';
import type { Metrics } from './metrics.ts';
import type { Reads } from './reads.ts';
import type { Streams } from './streams.ts';

export interface ServerDeps {
  readonly ingest: Ingest;
  readonly reads: Reads;
  readonly streams: Streams;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly requestTimeoutMs: number;
  /** Why no event may be posted from the page; undefined when it may. */
  readonly whyNoPosting: string | undefined;
  /** Why the function is not ready; undefined when it is. */
  readonly notReady: () => string | undefined;
}

const allowed = { GET: 'GET, HEAD', POST: 'POST', both: 'GET, HEAD, POST' };

/** Longer than the idle time of the proxies in front, so that a reused connection is not closed under a request. */
const keepAliveTimeoutMs = 75_000;
const maxHeaderBytes = 16_384;

/** The server, not yet listening. */
export function createServer(deps: ServerDeps): Server {
  const server = createHttpServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: Math.min(10_000, deps.requestTimeoutMs),
      requestTimeout: deps.requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      // A connection that is in use is not ended by closing the server.
      if (!server.listening) response.setHeader('connection', 'close');
      route(deps, request, response).catch((error: unknown) => {
        answerError(deps, request, response, toAppError(error));
      });
    },
  );
  return server;
}

async function route(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = (): URLSearchParams => new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1));
  switch (path) {
    case '/':
      allow(request, response, 'both');
      if (request.method === 'POST') await deps.ingest(request, response);
      else await sendPage(path, request, response);
      return;
    case '/total':
      allow(request, response, 'GET');
      deps.reads.total('', request, response);
      return;
    case '/totals':
      allow(request, response, 'GET');
      deps.reads.totals(query(), response);
      return;
    case '/stream':
      allow(request, response, 'GET');
      deps.streams.all(request, response);
      return;
    case '/page/settings.json':
      allow(request, response, 'GET');
      sendJson(response, { whyNoPosting: deps.whyNoPosting ?? null });
      return;
    case '/openapi.json':
      allow(request, response, 'GET');
      (await import('./openapi.ts')).sendOpenApi(request, response);
      return;
    case '/health/liveness':
      allow(request, response, 'GET');
      sendJson(response, { status: 'alive' });
      return;
    case '/health/readiness': {
      allow(request, response, 'GET');
      const reason = deps.notReady();
      if (reason === undefined) sendJson(response, { status: 'ready' });
      else sendJson(response, { status: 'not ready', reason }, 503);
      return;
    }
    case '/metrics':
      allow(request, response, 'GET');
      sendText(response, 200, deps.metrics.registry.contentType, await deps.metrics.text());
      return;
  }
  const [, collection, encoded, ...rest] = path.split('/');
  if (collection === 'totals' && encoded !== undefined && encoded !== '' && rest.join('/') === 'stream') {
    allow(request, response, 'GET');
    deps.streams.total(decodeSegment(encoded), request, response);
    return;
  }
  if (collection === 'page') {
    allow(request, response, 'GET');
    if (await sendPage(path, request, response)) return;
  }
  if (encoded !== undefined && encoded !== '' && rest.length === 0) {
    const name = decodeSegment(encoded);
    if (collection === 'totals') {
      allow(request, response, 'GET');
      deps.reads.total(name, request, response);
      return;
    }
    if (collection === 'requests') {
      allow(request, response, 'GET');
      await deps.reads.request(name, query(), response);
      return;
    }
  }
  throw new AppError('no-such-path', `there is nothing at ${show(path)}`);
}

/** The page is few people's: what serves it is loaded when the first of them comes. */
async function sendPage(path: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const page = await import('./page.ts');
  return await page.sendPage(path, request, response);
}

function allow(request: IncomingMessage, response: ServerResponse, methods: keyof typeof allowed): void {
  const names = allowed[methods];
  if (names.split(', ').includes(request.method ?? '')) return;
  response.setHeader('allow', names);
  throw new AppError(
    'method-not-allowed',
    `${request.method ?? ''} is not allowed here, allowed is ${names}`,
  );
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new AppError('invalid', `the path is not percent-encoded UTF-8: ${show(segment)}`, {
      cause: error,
    });
  }
}

function answerError(
  deps: ServerDeps,
  request: IncomingMessage,
  response: ServerResponse,
  error: AppError,
): void {
  if (error.code === 'internal' || error.code === 'damaged') deps.log.error({ err: error }, error.message);
  else deps.log.debug({ code: error.code, url: request.url }, error.message);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  // What is left of the body is not worth reading; without this the connection would have to read it all.
  if (!request.complete) response.setHeader('connection', 'close');
  sendProblem(response, error);
}
