// A TCP connection that says exactly what it is told, for what no HTTP client would do.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterEach } from '@jest/globals';

const open = new Set<Socket>();

afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});

export class RawConnection {
  readonly socket: Socket;
  /** All that the server has said. */
  received = '';
  /** Resolves when the connection is over, however it ended. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    open.add(socket);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.received += chunk;
    });
    // A reset is one of the ways in which a server ends a connection; 'close' follows it.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve();
      });
    });
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Status codes of the responses so far, in order. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }
}

/** A POST's head with these headers, ready for its body. */
export function postHead(headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: 'localhost', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `POST / HTTP/1.1\r\n${lines.join('')}\r\n`;
}
