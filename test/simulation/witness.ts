// What goes on between the log and the ledger and in their files, seen from outside: what accumulate answers to events, how often
// the log tries, which events and dead letters are stored.

import { eventSource } from '../../lib/event.ts';
import type { DatabaseContent } from './database-content.ts';
import type { HttpAnswer, HttpRequest } from './http-messages.ts';
import { type DeadLetter, keyOf, meaningText, type Model, type StoredEvent } from './model.ts';
import type { Network } from './network.ts';
import { problemOf } from './problem.ts';
import type { Volume } from './volume.ts';
import { world } from './world.ts';

type Attributes = Readonly<Partial<Record<string, string>>>;

export class Witness {
  readonly #model: Model;
  /** Attempts to deliver, by the process of the log and by offset. */
  readonly #attempts = new Map<number, Map<number, number>>();

  constructor(model: Model, net: Network) {
    this.#model = model;
    net.onCall = (host, request) => {
      if (host === 'accumulate') this.#countAttempt(request as HttpRequest);
    };
    net.onHttpAnswer = (request, answer) => {
      if (request.method === 'POST' && world().thread.process.name.startsWith('accumulate')) {
        this.#observe(request, answer);
      }
    };
  }

  /** Keeps what a ledger's file has, also of one that is about to be deleted. */
  keepEvents(name: string, content: DatabaseContent | undefined): void {
    if (!/\/ledger-\d+\.db$/.test(name) || content === undefined || content.isEmpty) return;
    const rows = content.prepare('SELECT seq, source, id, total, a, b FROM events ORDER BY seq').all();
    for (const row of rows) this.#model.keep(row as unknown as StoredEvent);
  }

  deadLetters(volume: Volume): DeadLetter[] {
    const content = volume.names.get('/log/log.db')?.database;
    if (content === undefined || content.isEmpty) return [];
    const rows = content.prepare('SELECT origin, headers, value FROM dead_letters ORDER BY offset').all();
    return rows.map(({ origin, headers: text, value }) => {
      const headers = JSON.parse(String(text)) as Attributes;
      const { a, b } = JSON.parse(Buffer.from(value as Uint8Array).toString()) as { a: string; b: string };
      const { ce_source: source, ce_id: id, ce_subject: total = '', ce_knativeerrorcode: code } = headers;
      return {
        key: keyOfEvent(source, id),
        meaning: meaningText({ total, a, b }),
        offset: Number(origin),
        code: code === undefined ? undefined : Number(code),
        problem: problemOf(Buffer.from(headers['ce_knativeerrordata'] ?? '', 'base64')),
      };
    });
  }

  /** The most attempts that one process of the log made. */
  attemptsOf(offset: number): number {
    return Math.max(0, ...[...this.#attempts.values()].map((attempts) => attempts.get(offset) ?? 0));
  }

  #countAttempt({ headers }: HttpRequest): void {
    const offset = Number(headers['ce-knativekafkaoffset']);
    if (Number.isNaN(offset)) return;
    const { number } = world().thread.process;
    const attempts = this.#attempts.get(number) ?? new Map<number, number>();
    this.#attempts.set(number, attempts.set(offset, (attempts.get(offset) ?? 0) + 1));
  }

  #observe({ headers, body }: HttpRequest, { status, headers: answered, body: problem }: HttpAnswer): void {
    if (status === 204) {
      world().count(answered['tally-outcome'] === 'duplicate' ? 'duplicates refused' : 'deliveries counted');
      for (const { id, source, subject = 'default' } of readEvents(headers, body)) {
        this.#model.markCounted(keyOfEvent(source, id), subject);
      }
    } else if (status === 422 && problemOf(problem) === 'expired') {
      world().count('events refused as too old');
      const { windowMs } = world().profile;
      // By the clock that was ahead the most so far: it may have been put right since, and marks may have gone by it.
      const now = world().wallNow() - world().thread.process.skewMs + world().largestSkewMs;
      for (const { id, source, time = '' } of readEvents(headers, body)) {
        if (now - Date.parse(time) >= windowMs) this.#model.markExpired(keyOfEvent(source, id));
      }
    } else if (status === 422) world().count('conflicts refused');
  }
}

/** The ids of the add function are UUIDs, the same in either case. */
function keyOfEvent(source = '', id = ''): string {
  return keyOf(source, source === eventSource ? id.toLowerCase() : id);
}

function readEvents(headers: Readonly<Record<string, string>>, body: Buffer): Attributes[] {
  if (headers['ce-id'] !== undefined) {
    const attributes = Object.entries(headers).map(([name, value]) => [name.replace(/^ce-/, ''), value]);
    return [Object.fromEntries(attributes) as Attributes];
  }
  const events = JSON.parse(body.toString()) as Attributes | Attributes[];
  return [events].flat();
}
