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
const beatEveryLooks = 60;
/** The state of the ledger is told once a second. */
const stateEveryLooks = 4;
/** After half a minute without reading anything a reader is taken for gone. */
const maxStalledLooks = 120;
const maxTotalsPerLook = 10_000;
/** How long a client that lost its connection is asked to wait. */
const retryMs = 1_000;
export const maxStreams = 100;

interface Stream {
  /** Writes what is new. */
  readonly tell: (view: View) => void;
  /** For how many looks it has not read what it was told. */
  stalledLooks: number;
}

export class Streams {
  readonly #ledger: Ledger;
  readonly #onError: (error: AppError) => void;
  readonly #open = new Map<ServerResponse, Stream>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #isClosed = false;

  /** @param onError told why a stream has to end */
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
    this.#begin(request, response, (view) => {
      if (view.looks % stateEveryLooks === 0) send(response, 'ledger', view.state());
      const { totals, until } = view.changesAfter(told);
      if (until === told) return;
      told = until;
      send(response, 'totals', totals, told);
    });
  }

  /** Ends all of them, and begins no other: their clients find another process. */
  close(): void {
    this.#isClosed = true;
    for (const response of this.#open.keys()) response.end();
  }

  #begin(request: IncomingMessage, response: ServerResponse, tell: Stream['tell']): void {
    if (this.#isClosed) throw new AppError('unavailable', 'shutting down: ask again');
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
    const stream = { tell, stalledLooks: 0 };
    this.#open.set(response, stream);
    response.once('close', () => {
      this.#open.delete(response);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    this.#timer ??= setInterval(() => {
      this.#look();
    }, lookIntervalMs);
    this.#tell(response, stream, new View(this.#ledger, 0));
  }

  #look(): void {
    const view = new View(this.#ledger, ++this.#looks);
    for (const [response, stream] of this.#open) {
      if (response.writableEnded) continue;
      if (response.writableNeedDrain) {
        if (++stream.stalledLooks > maxStalledLooks) response.destroy();
        continue;
      }
      stream.stalledLooks = 0;
      if (view.looks % beatEveryLooks === 0) response.write(':\n\n');
      this.#tell(response, stream, view);
    }
  }

  /** A client whose stream ends comes back, and is told what is wrong if it still is. */
  #tell(response: ServerResponse, { tell }: Stream, view: View): void {
    try {
      tell(view);
    } catch (error) {
      this.#onError(toAppError(error));
      response.end();
    }
  }
}

interface Changes {
  readonly totals: readonly Record<string, unknown>[];
  /** The version up to which they tell all. */
  readonly until: number;
}

/** What one look sees: read once, however many are told of it. */
class View {
  readonly looks: number;
  readonly #ledger: Ledger;
  readonly #changes = new Map<number, Changes>();
  #state: Record<string, unknown> | undefined;

  constructor(ledger: Ledger, looks: number) {
    this.#ledger = ledger;
    this.looks = looks;
  }

  changesAfter(version: number): Changes {
    const known = this.#changes.get(version);
    if (known !== undefined) return known;
    const changes = this.#readChanges(version);
    this.#changes.set(version, changes);
    return changes;
  }

  #readChanges(version: number): Changes {
    // Before the totals: they may be newer than it says, never older.
    const seq = this.#ledger.lastSeq();
    if (seq === version) return { totals: [], until: version };
    const totals = this.#ledger.totalsAfter(version, maxTotalsPerLook);
    const last = totals.at(-1)?.version ?? seq;
    const until = totals.length < maxTotalsPerLook ? Math.max(seq, last) : last;
    return { totals: totals.map(toJson), until };
  }

  state(): Record<string, unknown> {
    return (this.#state ??= this.#readState());
  }

  #readState(): Record<string, unknown> {
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
