// The log's HTTP server. Its sink answers on the wire as a KafkaSink does over HTTP/1.1, statuses and empty bodies
// included: 202 only once the record is on disk (I1), 503 whenever a retry may succeed. The pages for people, tests
// and probes are GETs beside it, where a KafkaSink has none.

import type {
  IncomingMessage,
  RequestListener,
  Server,
  ServerOptions as HttpServerOptions,
  ServerResponse,
} from 'node:http';

import { AppError, messageOf, show } from '../../lib/errors.ts';
import { createServer as createHttpServer, readBody } from '../../lib/http.ts';
import type { Log } from '../../lib/log.ts';
import { readEvent } from './cloud-event.ts';
import type { Faults } from './faults.ts';
import type { LogMetrics } from './metrics.ts';
import { type LogRecord, maxRecordBytes, type Topic, recordBytes, topics } from './record.ts';

/** A structured event is larger than its record: base64 takes a third more, a quotation mark in an attribute two bytes. */
const maxBodyBytes = 2 * maxRecordBytes;
const maxHeaderBytes = 8_192;
/** What a request takes beside its body, about: none is free, however little of it has come. */
const requestBytes = 1_024;
/** How long a request may take to arrive: what has come of it holds its room in the queue until then. */
const requestTimeoutMs = 30_000;
const headersTimeoutMs = 10_000;
/** How often Node looks for requests past these times. */
const timeoutCheckMs = 1_000;

export interface ServerOptions {
  /** Stores a record; it is on disk when the promise resolves. */
  readonly store: (topic: Topic, record: LogRecord) => Promise<unknown>;
  /** Answers a GET of a page that is none of the sink's; false when there is no such page. */
  readonly page: (path: string, response: ServerResponse) => boolean;
  readonly isDraining: () => boolean;
  readonly maxQueuedRequests: number;
  readonly maxQueuedBytes: number;
  readonly metrics: LogMetrics;
  readonly log: Log;
  readonly faults: Faults;
}

/** The server, not listening yet. */
export function createServer(options: ServerOptions): Server {
  const sink = new Sink(options);
  const handle: RequestListener = (request, response) => {
    if (request.method === 'GET' && options.page(request.url ?? '/', response)) return;
    void sink.handle(request, response);
  };
  const serverOptions: HttpServerOptions = {
    maxHeaderSize: maxHeaderBytes,
    requestTimeout: requestTimeoutMs,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    // Longer than a client keeps an idle connection: the side that closes must be the one that would send.
    keepAliveTimeout: 75_000,
  };
  const server = createHttpServer(serverOptions, handle);
  // A KafkaSink takes no notice of `Expect: 100-continue`.
  server.on('checkContinue', handle);
  return server;
}

class Sink {
  readonly #options: ServerOptions;
  #queuedRequests = 0;
  #queuedBytes = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics, isDraining } = this.#options;
    const status = await this.#status(request);
    metrics.countRequest(status);
    if (status === undefined) {
      request.socket.destroy();
      return;
    }
    // What is left of a refused body is not waited for.
    if (!request.complete || isDraining()) response.setHeader('connection', 'close');
    response.writeHead(status, { 'content-length': 0 }).end();
  }

  /** The status to answer with; undefined to hang up. */
  async #status(request: IncomingMessage): Promise<number | undefined> {
    const { isDraining, maxQueuedRequests } = this.#options;
    if (request.method !== 'POST') return 405;
    const topic = topicOf(request.url ?? '/');
    if (topic === undefined) {
      this.#options.log.warn(`refused with 404: there is no sink at ${show(request.url)}`);
      return 404;
    }
    if (isDraining() || this.#queuedRequests >= maxQueuedRequests) return 503;
    let taken = 0;
    // Bytes that have come, never those announced: a client that announces and sends nothing must hold no room.
    const reserve = (bytes: number): void => {
      this.#reserve(bytes);
      taken += bytes;
    };
    this.#queuedRequests++;
    try {
      return await this.#take(topic, request, reserve);
    } finally {
      this.#queuedRequests--;
      this.#queuedBytes -= taken;
    }
  }

  /** @throws AppError `overloaded` when the queue has no room for so many more bytes */
  #reserve(bytes: number): void {
    if (this.#queuedBytes + bytes > this.#options.maxQueuedBytes) {
      throw new AppError('overloaded', 'the queue has no room: try again later');
    }
    this.#queuedBytes += bytes;
  }

  async #take(
    topic: Topic,
    request: IncomingMessage,
    reserve: (bytes: number) => void,
  ): Promise<number | undefined> {
    const { store, faults, log } = this.#options;
    try {
      reserve(requestBytes);
      const body = await readBody(request, maxBodyBytes, reserve);
      const record = readEvent(request.headers, body);
      // A Kafka producer refuses it, which a KafkaSink reports as any other failure.
      if (recordBytes(record) > maxRecordBytes) return 503;
      const fault = (await faults.sink?.(record)) ?? 'answer';
      if (fault === 'hang-up') return undefined;
      if (fault === 'twice') await store(topic, record);
      await store(topic, record);
      return fault === 'store-and-hang-up' ? undefined : 202;
    } catch (error) {
      const refused = error instanceof AppError && error.code === 'invalid';
      if (refused) log.warn(`refused with 400: ${messageOf(error)}`);
      return refused ? 400 : 503;
    }
  }
}

/** `/<namespace>/<name>`, one trailing slash and any query tolerated; every namespace has the same two topics. */
function topicOf(url: string): Topic | undefined {
  const name = /^\/[^/?]+\/([^/?]+)\/?(?:\?|$)/.exec(url)?.[1];
  return topics.find((topic) => topic === name);
}
