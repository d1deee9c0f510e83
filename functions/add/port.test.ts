import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';

import { listen } from '../../lib/http.ts';
import { until } from './harness.ts';
import { Port } from './port.ts';

const long = 30_000;
let stops: (() => void)[] = [];

beforeEach(() => {
  stops = [];
});
afterEach(() => {
  for (const stop of stops) stop();
});

async function start({ briefMs = long, maxBrief = 10 } = {}): Promise<number> {
  const http = createServer((request, response) => response.end(`asked for ${request.url ?? ''}`));
  const grpc = new GrpcServer();
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const port = new Port(http, injector, { maxConnections: 20, maxBrief, briefMs });
  stops.push(() => {
    port.server.close();
    port.destroy();
    grpc.forceShutdown();
  });
  return listen(port.server, 0);
}

interface Peer {
  readonly socket: Socket;
  received: string;
  isClosed: boolean;
}

function open(port: number): Peer {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const peer: Peer = { socket, received: '', isClosed: false };
  socket.on('data', (chunk) => (peer.received += chunk.toString('latin1')));
  socket.on('end', () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => (peer.isClosed = true));
  stops.push(() => socket.destroy());
  return peer;
}

/** Each byte in a packet of its own. */
async function sendBytewise({ socket }: Peer, text: string): Promise<void> {
  socket.setNoDelay(true);
  for (const byte of text) {
    await new Promise((resolve) => socket.write(byte, 'latin1', resolve));
    await new Promise(setImmediate);
  }
}

const get = 'GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const emptySettings = '\0\0\0\u0004\0\0\0\0\0';

describe('tells the protocols apart', () => {
  test('HTTP/1.1 in one piece and byte by byte', async () => {
    const port = await start();
    const [whole, bytewise] = [open(port), open(port)];
    whole.socket.write(get);
    await sendBytewise(bytewise, get);
    await until(() => whole.isClosed && bytewise.isClosed);
    expect(whole.received).toContain('asked for /x');
    expect(bytewise.received).toContain('asked for /x');
  });

  test('HTTP/1.1 whose method begins like the preface', async () => {
    const peer = open(await start());
    await sendBytewise(peer, get.replace('GET', 'PROPFIND'));
    await until(() => peer.isClosed);
    expect(peer.received).toContain('asked for /x');
  });

  test('a client that ends its side after the question still gets the answer', async () => {
    const peer = open(await start());
    peer.socket.end(get);
    await until(() => peer.isClosed);
    expect(peer.received).toContain('asked for /x');
  });

  test('HTTP/2 in one piece and byte by byte', async () => {
    const port = await start();
    const peer = open(port);
    await sendBytewise(peer, preface + emptySettings);
    // The server's own SETTINGS frame: type 4 at the fourth byte.
    await until(() => peer.received.length > 9);
    expect(peer.received.charCodeAt(3)).toBe(4);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    await new Promise<void>((resolve, reject) => {
      session.on('error', reject);
      session.ping(() => {
        resolve();
      });
    });
    session.close();
  });

  test('an HTTP/2 connection outlives the time that others have', async () => {
    const port = await start({ briefMs: 50 });
    const [peer, silent] = [open(port), open(port)];
    peer.socket.write(preface + emptySettings, 'latin1');
    await until(() => silent.isClosed && peer.received.length > 9);
    expect(peer.isClosed).toBe(false);
  });
});

describe('lets nothing pile up', () => {
  test.each([
    ['silence', ''],
    ['half a preface', preface.slice(0, 12)],
    ['a request that never ends', 'GET / HTTP/1.1\r\nx: '],
    ['a body that never comes', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n'],
  ])('%s is closed when its time is up', async (_name, text) => {
    const peer = open(await start({ briefMs: 50 }));
    peer.socket.write(text);
    await until(() => peer.isClosed);
    expect(peer.received).not.toContain('HTTP/2');
  });

  test('one silent connection too many closes the oldest', async () => {
    const port = await start({ maxBrief: 2 });
    const oldest = open(port);
    await new Promise((resolve) => oldest.socket.once('connect', resolve));
    const others = [open(port), open(port)];
    await until(() => oldest.isClosed);
    expect(others.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    others[1]?.socket.write(get);
    await until(() => others[1]?.received.includes('asked for') ?? false);
  });

  test.each([
    ['garbage', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n'],
    ['a preface that goes wrong', `${preface.slice(0, 20)}XXXX\r\n\r\n`],
    ['zeros', '\0'.repeat(100)],
  ])('%s is refused with 400', async (_name, text) => {
    const peer = open(await start());
    peer.socket.write(text, 'latin1');
    await until(() => peer.isClosed);
    expect(peer.received).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('an HTTP/2 client that goes away takes its connection with it', async () => {
    const peer = open(await start());
    peer.socket.write(preface + emptySettings, 'latin1');
    await until(() => peer.received.length > 9);
    peer.socket.end();
    await until(() => peer.isClosed);
    expect(peer.received).not.toBe('');
  });

  test('garbage after the preface ends the connection, not the server', async () => {
    const port = await start();
    const broken = open(port);
    broken.socket.write(preface + '\u00ff'.repeat(5_000), 'latin1');
    await until(() => broken.isClosed);
    const peer = open(port);
    peer.socket.write(get);
    await until(() => peer.isClosed);
    expect(peer.received).toContain('asked for /x');
  });
});
