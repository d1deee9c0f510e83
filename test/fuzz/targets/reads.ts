// Any target of a GET is answered with what is there or with a problem that is the client's.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import pino from 'pino';

import type { Ledger } from '../../../functions/accumulate/ledger/ledger.ts';
import type { Metrics } from '../../../functions/accumulate/metrics.ts';
import { createReads } from '../../../functions/accumulate/reads.ts';
import { createServer } from '../../../functions/accumulate/server.ts';
import type { Streams } from '../../../functions/accumulate/streams.ts';
import { defaultTotal } from '../../../lib/names.ts';
import { check, readMessage } from '../property.ts';

const status = { seq: 1, duplicates: 0, knownIds: 1, generations: 1, oldestOpenedAt: 0 };
const total = { name: defaultTotal, total: '0.5', count: 1, version: 1, updatedAt: 0, setHash: 0n };
const ledger = {
  total: (name: string) => (name === defaultTotal ? total : undefined),
  totals: (_after: string, limit: number) => Array.from({ length: Math.min(limit, 3) }, () => total),
  waitFor: () => Promise.resolve(undefined),
  status: () => status,
} as unknown as Ledger;
const endAtOnce = (...args: readonly unknown[]): void => {
  (args.at(-1) as ServerResponse).end();
};
const server = createServer({
  ingest: () => Promise.reject(new Error('a GET is no event')),
  reads: createReads(ledger),
  // A stream does not end: it is tested by itself.
  streams: { all: endAtOnce, total: endAtOnce } as unknown as Streams,
  metrics: { text: () => Promise.resolve(''), registry: { contentType: 'text/plain' } } as unknown as Metrics,
  log: pino({ level: 'silent' }),
  requestTimeoutMs: 1_000,
  whyNoPosting: undefined,
  notReady: () => undefined,
});

/** A line with the target, then headers. */
export async function fuzz(data: Buffer): Promise<void> {
  const end = data.indexOf('\n');
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  // What Node's parser lets through.
  request.url = `/${data.toString('latin1', 0, end === -1 ? data.length : end).replace(/[^!-~\x80-\xff]/g, '')}`;
  Object.assign(request.headers, readMessage(end === -1 ? Buffer.alloc(0) : data.subarray(end + 1)).headers);
  request.complete = true;
  const response = new ServerResponse(request);
  const ended = new Promise((resolve) => response.once('finish', resolve));
  response.assignSocket(new Socket().on('error', () => undefined));
  const written: string[] = [];
  response.end = ((text?: string) => {
    written.push(text ?? '');
    response.emit('finish');
    return response;
  }) as typeof response.end;
  server.emit('request', request, response);
  await ended;
  check(
    [200, 304, 400, 404, 405].includes(response.statusCode),
    `it is no bug of the server: ${written.join('')}`,
  );
  check(written.length === 1, 'there is one answer');
  const type = String(response.getHeader('content-type'));
  if (type.endsWith('json')) JSON.parse(written.join(''));
}
