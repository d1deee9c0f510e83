// What every HTTP server here does the same way: listen, close without dropping work, answer problems (RFC 9457),
// read a body within a limit.

import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';

import { AppError, type ErrorCode, toAppError } from './errors.ts';

/**
 * Node's own, not imported by name: that would read every export of `node:http`, one of which loads the whole of fetch
 * and WebSocket, a tenth of a start and 6 MB of a process (docs/adr/0010-start-up.md).
 */
export const { createServer } = process.getBuiltinModule('node:http');

const httpStatus: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  'no-such-path': 404,
  'method-not-allowed': 405,
  'too-large': 413,
  'unsupported-media-type': 415,
  // Not 409: KafkaSource retries that one, and a conflict never goes away.
  conflict: 422,
  expired: 422,
  internal: 500,
  refused: 502,
  overloaded: 503,
  unavailable: 503,
  damaged: 503,
  timeout: 504,
};

/** Answers with the error as a problem document. The cause stays in the log, and of a bug all: it may name inner addresses. */
export function sendProblem(response: ServerResponse, error: AppError): void {
  const status = httpStatus[error.code];
  // RFC 9110, section 11.6.1: a 401 says how to do better.
  if (error.code === 'unauthenticated') response.setHeader('www-authenticate', 'Bearer realm="tally"');
  const problem = {
    type: `urn:tally:problem:${error.code}`,
    title: error.code.replaceAll('-', ' '),
    status,
    detail: error.code === 'internal' ? 'an unexpected error, which is in the log' : error.message,
    ...(error.violations.length > 0 && { violations: error.violations }),
  };
  sendText(response, status, 'application/problem+json', JSON.stringify(problem));
}

/** Answers JSON with status 200 unless told otherwise. */
export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  sendText(response, status, 'application/json', JSON.stringify(value));
}

/** Answers text of a media type, with its length so that it needs no chunks. */
export function sendText(response: ServerResponse, status: number, mediaType: string, text: string): void {
  response
    .writeHead(status, { 'content-type': mediaType, 'content-length': Buffer.byteLength(text) })
    .end(text);
}

/**
 * The whole body.
 * @throws AppError `too-large` as soon as more than `maxBytes` are announced or have come; `invalid` when the client
 * went away before the end.
 * @param onBytes told of each piece as it comes; what it throws refuses the rest
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  onBytes?: (bytes: number) => void,
): Promise<Buffer> {
  const tooLarge = () => new AppError('too-large', `a body may have at most ${maxBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge());
  // It would tell nobody any more.
  if (request.destroyed) return Promise.reject(new AppError('invalid', 'the client went away'));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      try {
        if (bytes > maxBytes) throw tooLarge();
        onBytes?.(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        request.pause();
        chunks.length = 0;
        reject(toAppError(error));
      }
    });
    request.on('end', () => {
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
    });
    const cutOff = (cause?: Error): void => {
      reject(new AppError('invalid', 'the body ended before its announced end', { cause }));
    };
    request.on('error', cutOff);
    // After the end, or in its place also when all of the body had come but was not read yet.
    request.on('close', () => {
      cutOff();
    });
  });
}

/** The connections of each server, to tell those that were opened and never used. */
const connections = new WeakMap<NetServer, Set<Socket>>();

/** Listens on `host`, by default on all interfaces; gives the port, which differs from `port` when that is 0. */
export async function listen(server: NetServer, port: number, host?: string): Promise<number> {
  const open = new Set<Socket>();
  connections.set(server, open);
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const advice = 'stop the other process or choose another port';
    throw new AppError('unavailable', `port ${port} is in use: ${advice}`, { cause: error });
  }
  return (server.address() as AddressInfo).port;
}

/**
 * Takes no new connection, lets requests in flight finish, ends idle connections. What has not finished after `graceMs`
 * is cut off: a closing server no longer watches the time that a request takes to arrive.
 */
export async function closeServer(server: Server, graceMs = 10_000): Promise<void> {
  // A connection that had a request in flight is idle, and to be ended, once that is answered.
  const idle = setInterval(() => {
    server.closeIdleConnections();
    // Browsers open connections in advance, and Node does not call those idle.
    for (const socket of connections.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy();
  }, 20);
  const grace = setTimeout(() => {
    server.closeAllConnections();
  }, graceMs);
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  clearInterval(idle);
  clearTimeout(grace);
}
