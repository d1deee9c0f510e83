// A TCP proxy in front of a broker, which can keep the broker's answers to itself: requests arrive and are carried out,
// and nobody is told.

import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';

import { listen } from '../../lib/http.ts';
import { closeAfterTest } from '../test-log.ts';

export class Proxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target = 0;
  #port = 0;
  /** Connections are cut at the broker's first answer to what was sent after this was set. */
  swallowAnswers = false;

  constructor() {
    this.#server = createServer((client) => {
      const broker = connect(this.#target, '127.0.0.1');
      const pair = [client, broker] as const;
      for (const socket of pair) this.#sockets.add(socket);
      client.on('data', (chunk) => broker.write(chunk));
      broker.on('data', (chunk) => {
        if (!this.swallowAnswers) client.write(chunk);
        else for (const socket of pair) socket.destroy();
      });
      for (const socket of pair) {
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          for (const either of pair) either.destroy();
          this.#sockets.delete(socket);
        });
      }
    });
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<this> {
    this.#port = await listen(this.#server, 0, '127.0.0.1');
    closeAfterTest(async () => {
      for (const socket of this.#sockets) socket.destroy();
      this.#server.close();
      await once(this.#server, 'close');
    });
    return this;
  }

  forwardTo(port: number): void {
    this.#target = port;
  }
}
