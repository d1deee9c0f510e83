// One port for gRPC and HTTP/1.1, told apart by the first bytes of a connection: an HTTP/2 client begins with a fixed
// preface (RFC 9113, section 3.4). Knative needs this: it allows one port, probes it over HTTP/1.1 and sends calls over
// h2c.
//
// A connection that is not HTTP/2 has a few seconds for everything: to say what it is, to ask, to take the answer. That
// covers silent, slow and stuck peers alike, and is plenty for a probe or a scrape.

import type { Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';

import type { ConnectionInjector } from '@grpc/grpc-js/build/src/server.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export interface PortLimits {
  /** All connections together; more are closed at once. */
  readonly maxConnections: number;
  /** Those that are not HTTP/2 (yet); one more closes the oldest of them. */
  readonly maxBrief: number;
  /** How long a connection lives that is not HTTP/2. */
  readonly briefMs: number;
}

export class Port {
  /** Not listening yet. */
  readonly server: Server;
  readonly #http: HttpServer;
  readonly #grpc: ConnectionInjector;
  readonly #limits: PortLimits;
  readonly #sockets = new Set<Socket>();
  /** Connections that are not HTTP/2 (yet), the oldest first. */
  readonly #brief = new Map<Socket, NodeJS.Timeout>();

  constructor(http: HttpServer, grpc: ConnectionInjector, limits: PortLimits) {
    this.#http = http;
    this.#grpc = grpc;
    this.#limits = limits;
    // Half-open: a client may end its side after the question and still wait for the answer.
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accept(socket);
    });
    this.server.maxConnections = limits.maxConnections;
  }

  /** Ends every connection at once. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.#limits.briefMs);
    this.#brief.set(socket, timer);
    if (this.#brief.size > this.#limits.maxBrief) this.#brief.keys().next().value?.destroy();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#forget(socket);
    });

    let first: Buffer = Buffer.alloc(0);
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      first = Buffer.concat([first, chunk]);
      const isHttp2 = first.subarray(0, preface.length).equals(preface);
      if (!isHttp2 && preface.subarray(0, first.length).equals(first)) return;
      socket.off('readable', look);
      socket.off('end', leave);
      socket.unshift(first);
      if (isHttp2) {
        this.#forget(socket);
        // An HTTP/2 client that ends its side has nothing more to ask; left half open, its connection would stay for a
        // minute, until a keepalive finds nobody.
        socket.allowHalfOpen = false;
        this.#grpc.injectConnection(socket);
      } else {
        this.#http.emit('connection', socket);
      }
    };
    const leave = (): void => {
      socket.destroy();
    };
    socket.on('readable', look);
    socket.on('end', leave);
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#brief.get(socket));
    this.#brief.delete(socket);
  }
}
