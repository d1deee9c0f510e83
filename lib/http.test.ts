import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { afterEach, describe, expect, test } from '@jest/globals';

import { postHead, RawConnection } from '../test/raw-connection.ts';
import { until } from '../test/until.ts';
import { AppError, type ErrorCode, toAppError } from './errors.ts';
import { closeServer, listen, readBody, sendJson, sendProblem, sendText } from './http.ts';

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => closeServer(server, 0)));
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<{ server: Server; port: number }> {
  // A kept-alive connection stays, so that only what is tested ends it.
  const server = createServer({ keepAliveTimeout: 0 }, handler);
  servers.push(server);
  return { server, port: await listen(server, 0, '127.0.0.1') };
}

describe('answers', () => {
  test.each<[ErrorCode, number]>([
    ['invalid', 400],
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['not-found', 404],
    ['method-not-allowed', 405],
    ['too-large', 413],
    ['unsupported-media-type', 415],
    ['conflict', 422],
    ['expired', 422],
    ['refused', 502],
    ['overloaded', 503],
    ['unavailable', 503],
    ['damaged', 503],
    ['timeout', 504],
  ])('an error %s is a problem document with status %d, without its cause', async (code, status) => {
    const { port } = await serve((_, response) => {
      sendProblem(response, new AppError(code, 'what was wrong', { cause: new Error('secret') }));
    });
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: `urn:tally:problem:${code}`,
      title: code.replaceAll('-', ' '),
      status,
      detail: 'what was wrong',
    });
  });

  test('a problem names every violation', async () => {
    const violations = [
      { field: 'a', description: 'is wrong' },
      { field: 'b', description: 'too' },
    ];
    const { port } = await serve((_, response) => {
      sendProblem(response, new AppError('invalid', 'x', { violations }));
    });
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.json()).toMatchObject({ violations });
  });

  test('text and JSON come with their length in bytes', async () => {
    const { port } = await serve((request, response) => {
      if (request.url === '/text') sendText(response, 201, 'text/plain', 'größe\n');
      else sendJson(response, { a: 'ö' });
    });
    const text = await fetch(`http://127.0.0.1:${port}/text`);
    expect([text.status, text.headers.get('content-type'), text.headers.get('content-length')]).toEqual([
      201,
      'text/plain',
      '8',
    ]);
    const json = await fetch(`http://127.0.0.1:${port}/json`);
    expect([json.status, json.headers.get('content-length')]).toEqual([200, '10']);
    expect(await json.json()).toEqual({ a: 'ö' });
  });
});

describe('reading a body', () => {
  /** What `readBody` gave: the body, or the code and message of its error. */
  async function serveReading(maxBytes: number) {
    const outcomes: string[] = [];
    const { port } = await serve((request, response) => {
      readBody(request, maxBytes).then(
        (body) => {
          outcomes.push(body.toString());
          response.end();
        },
        (error: unknown) => {
          const { code, message } = toAppError(error);
          outcomes.push(`${code}: ${message}`);
          if (!request.complete) response.setHeader('connection', 'close');
          sendProblem(response, toAppError(error));
        },
      );
    });
    const next = () => until('outcome', () => outcomes.shift());
    return { port, next };
  }

  const tooLarge = 'too-large: a body may have at most 10 bytes';

  test('gives all of it, announced or in chunks, up to and with the limit', async () => {
    const { port, next } = await serveReading(10);
    const connection = await RawConnection.open(port);
    connection.write(postHead({ 'content-length': '10' }) + '0123456789');
    expect(await next()).toBe('0123456789');
    connection.write(postHead({ 'transfer-encoding': 'chunked' }));
    for (const part of ['01234', '56789']) connection.write(`5\r\n${part}\r\n`);
    connection.write('0\r\n\r\n');
    expect(await next()).toBe('0123456789');
    connection.write(postHead({ 'content-length': '0' }));
    expect(await next()).toBe('');
    connection.write(postHead({}));
    expect(await next()).toBe('');
    await until('four answers', () => connection.statuses.length === 4);
  });

  test('a larger one is refused by its announcement, before any of it has come', async () => {
    const { port, next } = await serveReading(10);
    const connection = await RawConnection.open(port);
    connection.write(postHead({ 'content-length': '11' }));
    expect(await next()).toBe(tooLarge);
    await connection.closed;
    expect(connection.statuses).toEqual([413]);
  });

  test('a larger one in chunks is refused as soon as too much has come, not at its end', async () => {
    const { port, next } = await serveReading(10);
    const connection = await RawConnection.open(port);
    connection.write(postHead({ 'transfer-encoding': 'chunked' }));
    connection.write('6\r\n012345\r\n');
    connection.write('6\r\n012345\r\n');
    expect(await next()).toBe(tooLarge);
    await connection.closed;
    expect(connection.statuses).toEqual([413]);
  });

  test.each([
    ['closes', (connection: RawConnection) => connection.socket.destroy()],
    ['resets', (connection: RawConnection) => connection.socket.resetAndDestroy()],
    ['half-closes', (connection: RawConnection) => connection.socket.end()],
  ])('a client that %s the connection before the end has sent an invalid body', async (_, leave) => {
    const { port, next } = await serveReading(10);
    const connection = await RawConnection.open(port);
    connection.write(postHead({ 'content-length': '10' }) + '01234');
    leave(connection);
    expect(await next()).toBe('invalid: the body ended before its announced end');
  });
});

test.each([
  ['all of the body had come', '0123456789'],
  ['some of the body had come', '01234'],
])('a client that went away before its body was read, when %s, sent an invalid one', async (_, sent) => {
  const { promise: gone, resolve: tell } = Promise.withResolvers<undefined>();
  const outcomes: string[] = [];
  const { port, server } = await serve((request) => {
    request.once('close', () => tell(undefined));
    void gone
      .then(() => readBody(request, 10))
      .catch((error: unknown) => outcomes.push(toAppError(error).message));
  });
  const connection = await RawConnection.open(port);
  connection.write(postHead({ 'content-length': '10' }) + sent);
  await once(server, 'request');
  connection.socket.destroy();
  expect(await until('it is told', () => outcomes.shift())).toBe('the client went away');
});

test('a client that goes away between the end of its body and the reading of it sent an invalid one', async () => {
  const outcomes: string[] = [];
  const { port } = await serve((request) => {
    readBody(request, 10).catch((error: unknown) => outcomes.push(toAppError(error).message));
    request.pause();
    setImmediate(() => request.destroy());
  });
  const connection = await RawConnection.open(port);
  connection.write(postHead({ 'content-length': '10' }) + '0123456789');
  expect(await until('it is told', () => outcomes.shift())).toBe('the body ended before its announced end');
});

test('what went wrong inside stays inside', async () => {
  const { port } = await serve((_, response) => {
    sendProblem(response, toAppError(new Error('ENOENT: /secret/path')));
  });
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(await answer.json()).toEqual({
    type: 'urn:tally:problem:internal',
    title: 'internal',
    status: 500,
    detail: 'an unexpected error, which is in the log',
  });
});

describe('listening', () => {
  test('port 0 gives a free port and says which', async () => {
    const { port } = await serve((_, response) => response.end());
    expect(port).toBeGreaterThan(0);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });

  test('a port in use is named, with the way out', async () => {
    const { port } = await serve((_, response) => response.end());
    await expect(listen(createServer(), port, '127.0.0.1')).rejects.toThrow(
      `port ${port} is in use: stop the other process or choose another port`,
    );
  });

  test('any other failure is told as it is', async () => {
    await expect(listen(createServer(), 0, '192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  test('no listener stays behind that would swallow a later error of the server', async () => {
    const { server } = await serve((_, response) => response.end());
    expect(server.listenerCount('error')).toBe(0);
  });
});

describe('closing a server', () => {
  /** A server that answers when told to. */
  async function serveOnDemand() {
    const { promise: answer, resolve: tell } = Promise.withResolvers<undefined>();
    const { server, port } = await serve((_, response) => {
      void answer.then(() => response.end('done'));
    });
    return { server, port, tell };
  }

  test('a request in flight is answered, and its kept-alive connection does not hold up the end', async () => {
    const { server, port, tell } = await serveOnDemand();
    const connection = await RawConnection.open(port);
    connection.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n');
    await once(server, 'request');
    const closed = closeServer(server, 60_000);
    tell(undefined);
    await closed;
    await connection.closed;
    expect(connection.statuses).toEqual([200]);
    expect(connection.received).toContain('done');
  });

  test('an idle connection is ended and a new one refused', async () => {
    const { server, port } = await serve((_, response) => response.end());
    const idle = await RawConnection.open(port);
    idle.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('answer', () => idle.statuses.length === 1);
    await closeServer(server, 60_000);
    await idle.closed;
    await expect(RawConnection.open(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a connection that was opened in advance, as browsers do, is ended at once', async () => {
    const { server, port } = await serve((_, response) => response.end());
    const unused = await RawConnection.open(port);
    await until('connection', async () => (await countConnections(server)) === 1);
    await closeServer(server, 60_000);
    await unused.closed;
  });

  test.each([
    ['that never finishes its request', postHead({ 'content-length': '10' })],
    ['that never finishes its headers', 'POST / HTTP/1.1\r\nhost: x\r\n'],
  ])('a connection %s is cut off after the grace', async (_, said) => {
    const { server, port } = await serveOnDemand();
    const connection = await RawConnection.open(port);
    connection.write(said);
    await until('connection', async () => (await countConnections(server)) === 1);
    await closeServer(server, 1);
    await connection.closed;
    expect(connection.statuses).toEqual([]);
  });
});

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}
