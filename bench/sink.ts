// A bare node:http server: answers every POST at once with the status that it was started with, every GET with JSON of
// the length of a total. As a sink it costs an adder as little as any sink can; as a server it is what bounds every one.

import { createServer } from 'node:http';

import { listen } from '../lib/http.ts';
import { endWithParent } from './load.ts';

const status = Number(process.argv[2]);
const total =
  '{"name":"default","total":"175000.25","count":100000,"version":100000,"updatedAt":"2026-01-01T00:00:00.000Z"}';
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(total) };

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, headers).end(total);
    return;
  }
  request.resume();
  response.writeHead(status).end();
});
endWithParent();
process.send?.({ listening: await listen(server, 0, '127.0.0.1') });
