// Totals as they change, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): one of
// them, or all with the state of the ledger. A stream begins with what there is, so that whoever comes back, to this
// process or another, to this ledger or one that was restored, is told all that is so now.
//
// I4: what a stream tells never goes back, since each look is at the newest there is on the volume, whichever process
// counted it. However fast totals change, a look comes four times a second; what it sees is read once for all streams, and
// a reader that is slow is told less often, never more at one time: nothing but its last event waits for it here.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { AppError, toAppError } from '../../lib/errors.ts';
import type { Ledger } from './ledger/ledger.ts';
import { findTotal, toJson } from './reads.ts';

const lookIntervalMs = 250;
/** So often something is said, if only that there is nothing new: proxies end connections that are silent. */
const beatEveryLooks = 60;
/** The state of the ledger is told once a second. */
const stateEveryLooks = 4;
/** A reader that takes longer than half a minute for one event is taken for gone. */
const maxStalledLooks = 120;
const maxTotalsPerEvent = 1_000;
/** Totals may have any length: an event ends with the one that reaches this. */
const maxEventChars = 500_000;
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

  /** `GET /totals/{name}/stream`: the total now, and again whenever it has changed. */
  total(name: string, request: IncomingMessage, response: ServerResponse): void {
    findTotal(this.#ledger, name);
    let told: number | undefined;
    this.#begin(request, response, () => {
      const total = findTotal(this.#ledger, name);
      if (total.version === told) return;
      told = total.version;
      send(response, 'total', JSON.stringify(toJson(total)), told);
    });
  }

  /**
   * `GET /stream`: the ledger's state, all totals, `complete`; from then on the totals that changed, and each second the
   * state. Those that changed are told by name, in as many events as it takes: by the order of their changes, those that
   * change all the time would never be told while others do, too.
   */
  all(request: IncomingMessage, response: ServerResponse): void {
    // What is there can be told, or else why not.
    this.#ledger.lastSeq();
    let told = 0;
    let round: { readonly until: number; readonly after: string } | undefined;
    let isFirst = true;
    this.#begin(request, response, (view) => {
      if (isFirst || view.looks % stateEveryLooks === 0) send(response, 'ledger', view.state());
      // Before the totals: they may be newer than it says, never older.
      const { until, after } = round ?? { until: view.seq(), after: '' };
      const { text, last } = until > told ? view.changes(told, after) : nothing;
      if (text !== undefined) send(response, 'totals', text);
      round = last === undefined ? undefined : { until, after: last };
      if (round !== undefined) return;
      told = until;
      if (isFirst) send(response, 'complete', '{}');
      isFirst = false;
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
    this.#open.set(response, { tell, stalledLooks: 0 });
    response.once('close', () => {
      this.#open.delete(response);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    // The first is told with all others at the next look: many who come together are then one reader to the ledger.
    this.#timer ??= setInterval(() => {
      this.#look();
    }, lookIntervalMs);
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
      try {
        stream.tell(view);
      } catch (error) {
        // The client comes back, and is told what is wrong if it still is.
        this.#onError(toAppError(error));
        response.end();
      }
    }
  }
}

interface Changes {
  /** The totals as JSON; undefined when there are none. */
  readonly text: string | undefined;
  /** The last of them, when others may follow. */
  readonly last: string | undefined;
}

const nothing: Changes = { text: undefined, last: undefined };

/** What one look sees: read once, however many are told of it. */
class View {
  readonly looks: number;
  readonly #ledger: Ledger;
  readonly #changes = new Map<string, Changes>();
  #state: string | undefined;
  #seq: number | undefined;

  constructor(ledger: Ledger, looks: number) {
    this.#ledger = ledger;
    this.looks = looks;
  }

  /** How many events were counted. */
  seq(): number {
    return (this.#seq ??= this.#ledger.lastSeq());
  }

  /** The totals that changed after that event, from the one after that name. */
  changes(version: number, after: string): Changes {
    const key = `${version} ${after}`;
    const changes = this.#changes.get(key) ?? this.#readChanges(version, after);
    this.#changes.set(key, changes);
    return changes;
  }

  #readChanges(version: number, after: string): Changes {
    const totals = this.#ledger.changedTotals(version, after, maxTotalsPerEvent);
    const texts: string[] = [];
    let chars = 0;
    for (const total of totals) {
      const text = JSON.stringify(toJson(total));
      texts.push(text);
      chars += text.length;
      if (chars >= maxEventChars) break;
    }
    const isLast = texts.length === totals.length && totals.length < maxTotalsPerEvent;
    return {
      text: texts.length === 0 ? undefined : `[${texts.join(',')}]`,
      last: isLast ? undefined : totals[texts.length - 1]?.name,
    };
  }

  state(): string {
    return (this.#state ??= JSON.stringify(this.#readState()));
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

/** @param data JSON, which has no line feeds */
function send(response: ServerResponse, event: string, data: string, id?: number): void {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  response.write(`event: ${event}\n${idLine}data: ${data}\n\n`);
}
