// Load for an HTTP server over undici's pool: events one by one as KafkaSource posts them, batches of them, or reads.

import { randomUUID } from 'node:crypto';

import { type Dispatcher, Pool } from 'undici';

import { parseDecimal } from '../lib/decimal.ts';
import { encodeEvent } from '../lib/event.ts';
import { defaultTotal, parseRequestId } from '../lib/names.ts';
import { keepInFlight, serveLoad } from './load.ts';

export interface HttpLoad {
  readonly origin: string;
  readonly what: 'event' | 'batch' | 'total';
  readonly batchEvents: number;
  readonly seconds: number;
}

const connections = 64;

const pools = new Map<string, Pool>();

function openPool(origin: string): Pool {
  // Connections outlast the pauses in which the other side is measured.
  const pool = pools.get(origin) ?? new Pool(origin, { connections, keepAliveTimeout: 60_000 });
  pools.set(origin, pool);
  return pool;
}

const time = new Date();
const sum = parseDecimal('1.75');
const [a, b] = [parseDecimal('2.50'), parseDecimal('-0.75')];

function makeEvent(): Dispatcher.DispatchOptions {
  const addition = { requestId: parseRequestId(randomUUID()), total: defaultTotal, a, b };
  return { method: 'POST', path: '/', ...encodeEvent(addition, sum, time) };
}

const event = {
  specversion: '1.0',
  source: '/functions/add',
  type: 'dev.tally.sum.v1',
  time: time.toISOString(),
  data: { a: '2.5', b: '-0.75', sum: '1.75' },
};

function makeBatch(length: number): Dispatcher.DispatchOptions {
  const events = Array.from({ length }, () => ({ ...event, id: randomUUID() }));
  return {
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(events),
  };
}

const makers: Readonly<Record<HttpLoad['what'], (batchEvents: number) => Dispatcher.DispatchOptions>> = {
  event: makeEvent,
  batch: makeBatch,
  total: () => ({ method: 'GET', path: '/total' }),
};

serveLoad(({ origin, what, batchEvents, seconds }: HttpLoad) => {
  const pool = openPool(origin);
  const make = makers[what];
  return keepInFlight(connections, seconds, (done) => {
    let status = 0;
    // The least that undici does for a request, so that the client is the smaller half.
    pool.dispatch(make(batchEvents), {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, code) => {
        status = code;
      },
      onResponseEnd: () => {
        done(status < 300 ? null : new Error(`${origin} answered ${status}`));
      },
      onResponseError: (_controller, error) => {
        done(error);
      },
    });
  });
});
