// Totals as they change, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): one of
// them, or all with the state of the ledger.
//
// I4: what a stream tells never goes back, since each look is at the newest there is on the volume, whichever process
// counted it. However fast totals change, a look comes four times a second, and a reader that is slow is told less often,
// never more at one time: nothing waits for it here.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { AppError, show, toAppError } from '../../lib/errors.ts';
import type { Ledger } from './ledger/ledger.ts';
import { findTotal, toJson } from './reads.ts';

const lookIntervalMs = 250;
/** So often something is said, if only that there is nothing new: proxies end connections that are silent. */
const beatMs = 15_000;
/** The state of the ledger is told once a second. */
const stateEveryLooks = 4;
const maxTotalsPerLook = 1_000;
/** How long a client that lost its connection is asked to wait. */
const retryMs = 1_000;
export const maxStreams = 100;

/** Writes what is new since the last look, with the number of this look. */
type Look = (looks: number) => void;

export class Streams {
  readonly #ledger: Ledger;
  readonly #onError: (error: AppError) => void;
  readonly #open = new Map<ServerResponse, Look>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;

  /** @param onError told why streams had to end */
  constructor(ledger: Ledger, onError: (error: AppError) => void) {
    this.#ledger = ledger;
    this.#onError = onError;
  }

  get count(): number {
    return this.#open.size;
  }

  /** `GET /totals/{name}/stream`: the total now, unless `Last-Event-ID` names it, and again whenever it has changed. */
  total(name: string, request: IncomingMessage, response: ServerResponse): void {
    findTotal(this.#ledger, name);
    let told = readNumber(request.headers['last-event-id']);
    this.#begin(request, response, () => {
      const total = findTotal(this.#ledger, name);
      if (total.version === told) return;
      told = total.version;
      send(response, 'total', toJson(total), told);
    });
  }

  /** `GET /stream?after=`: the totals that changed after that event, and from then on; the ledger's state each second. */
  all(request: IncomingMessage, query: URLSearchParams, response: ServerResponse): void {
    let told = readNumber(request.headers['last-event-id']) ?? readAfter(query.get('after'));
    // It is of another ledger, of which nothing is known here.
    if (told > this.#ledger.lastSeq()) told = 0;
    this.#begin(request, response, (looks) => {
      if (looks % stateEveryLooks === 0) send(response, 'ledger', this.#state());
      const seq = this.#ledger.lastSeq();
      if (seq === told) return;
      const totals = this.#ledger.totalsAfter(told, maxTotalsPerLook);
      const last = totals.at(-1)?.version ?? seq;
      told = totals.length < maxTotalsPerLook ? Math.max(seq, last) : last;
      send(response, 'totals', totals.map(toJson), told);
    });
  }

  /** Ends all of them: their clients find another process. */
  close(): void {
    for (const response of this.#open.keys()) response.end();
  }

  #begin(request: IncomingMessage, response: ServerResponse, look: Look): void {
    if (this.#open.size >= maxStreams) {
      throw new AppError('overloaded', `${maxStreams} streams are open, which is as many as there may be`);
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // For nginx: to pass on what comes as it comes.
      'x-accel-buffering': 'no',
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    response.write(`retry: ${retryMs}\n\n`);
    this.#open.set(response, look);
    response.once('close', () => {
      this.#open.delete(response);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    this.#timer ??= setInterval(() => {
      this.#lookForAll();
    }, lookIntervalMs);
    this.#tell(response, look, 0);
  }

  #lookForAll(): void {
    this.#looks++;
    const isBeat = this.#looks % (beatMs / lookIntervalMs) === 0;
    for (const [response, look] of this.#open) {
      // It has not read yet what it was told before.
      if (response.writableNeedDrain || response.writableEnded) continue;
      if (isBeat) response.write(':\n\n');
      this.#tell(response, look, this.#looks);
    }
  }

  /** A client whose stream ends comes back, and is told what is wrong if it still is. */
  #tell(response: ServerResponse, look: Look, looks: number): void {
    try {
      look(looks);
    } catch (error) {
      this.#onError(toAppError(error));
      response.end();
    }
  }

  #state(): Record<string, unknown> {
    const { seq, duplicates } = this.#ledger.status();
    const newest = this.#ledger.newestEntry();
    const hasLag = newest !== undefined && newest.time !== null;
    // Clocks differ a little: nothing is counted before it happened.
    const lagSeconds = hasLag ? Math.max(0, newest.appliedAt - newest.time) / 1_000 : null;
    return { events: seq, duplicates, lagSeconds };
  }
}

/** @param id makes clients that come back say that they know everything up to it */
function send(response: ServerResponse, event: string, data: unknown, id?: number): void {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  response.write(`event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
}

/** What a client sends is what it was sent, or of no meaning here. */
function readNumber(text: string | string[] | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readAfter(text: string | null): number {
  const after = text === null ? 0 : readNumber(text);
  if (after === undefined) throw new AppError('invalid', `after must be a version, was ${show(text)}`);
  return after;
}
