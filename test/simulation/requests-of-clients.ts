// What clients ask for: distinct requests, some of which are at times sent with another meaning by mistake, and how each
// looks on the wire.

import { eventSource, eventType } from '../../lib/event.ts';
import type { AddRequest__Output } from '../../proto/generated/tally/v1/AddRequest.ts';
import { toText, toUnits } from './fixed-point.ts';
import { simulatedUuid } from './globals.ts';
import type { HttpRequest } from './http-messages.ts';
import { keyOf, type Meaning } from './model.ts';
import { world } from './world.ts';

const amounts = [
  ...['0', '1', '2', '-1', '0.1', '0.2', '0.30', '-0.3', '19.90', '4.95', '-7.5', '007'],
  ...['1000000000000000000000000000001', '9007199254740993', '-123456789.987654321'],
  ...['0.00000000000000000000000000000000000001', '-0.000000000000000000000000000000007'],
];

export type Route = 'add' | 'stream' | 'post' | 'batch' | 'sink';

export interface ClientRequest {
  readonly route: Route;
  readonly source: string;
  readonly id: string;
  readonly key: string;
  readonly meaning: Meaning;
  readonly mistake: Meaning | undefined;
  /** RFC 3339, of an event that a client makes itself; undefined for none. */
  readonly time: string | undefined;
  firstSentAt: number | undefined;
  attempts: number;
}

export function drawRequest(number: number): ClientRequest {
  const { dice, profile } = world();
  const route = drawRoute();
  const isOfAdd = route === 'add' || route === 'stream' || dice.chance(0.2);
  // Two shops number their orders alike.
  const source = isOfAdd ? eventSource : number % 2 === 0 ? '/my/shop' : '/my/other';
  const id = isOfAdd ? simulatedUuid() : `order-${Math.ceil(number / 2)}`;
  const meaning = drawMeaning();
  return {
    route,
    source,
    id,
    key: keyOf(source, id),
    meaning,
    mistake: dice.chance(profile.conflictShare) ? drawMistake(meaning) : undefined,
    time: dice.chance(profile.undatedShare) ? undefined : drawTime(),
    firstSentAt: undefined,
    attempts: 0,
  };
}

function drawRoute(): Route {
  const { dice, profile } = world();
  if (dice.chance(profile.streamShare)) return 'stream';
  if (dice.chance(profile.directShare)) return dice.chance(profile.batchShare) ? 'batch' : 'post';
  return dice.chance(profile.sinkShare) ? 'sink' : 'add';
}

function drawMeaning(): Meaning {
  const { dice, profile } = world();
  const total = dice.pick(['', 'sales', 'stock', 'votes'].slice(0, profile.totals));
  return { total, a: dice.pick(amounts), b: dice.pick(amounts) };
}

/** Differs in one thing. */
export function drawMistake(meaning: Meaning): Meaning {
  const { dice } = world();
  switch (dice.integer(1, 3)) {
    case 1:
      return { ...meaning, a: toText(toUnits(meaning.a) + toUnits('1')) };
    case 2:
      return { ...meaning, b: toText(toUnits(meaning.b) - toUnits('0.5')) };
    default:
      return { ...meaning, total: meaning.total === 'sales' ? '' : 'sales' };
  }
}

/** Now, or at the edges of what is taken. */
function drawTime(): string {
  const { dice, profile } = world();
  const now = Date.now();
  const day = 86_400_000;
  const edge = dice.pick([
    now - profile.windowMs,
    now - dice.next() * profile.windowMs,
    now + day,
    now + day / 2,
  ]);
  const time = dice.chance(profile.oldShare) ? edge + dice.between(-10_000, 10_000) : now;
  return new Date(time).toISOString();
}

/** A UUID is the same in either case. */
function writeId({ source, id }: ClientRequest): string {
  return source === eventSource && world().dice.chance(0.1) ? id.toUpperCase() : id;
}

export function toAddRequest(request: ClientRequest, { total, a, b }: Meaning): AddRequest__Output {
  return { requestId: writeId(request), a, b, total };
}

function sumOf({ a, b }: Meaning): string {
  return toText(toUnits(a) + toUnits(b));
}

/** One event in binary mode. */
export function toBinary(path: string, request: ClientRequest, meaning: Meaning): HttpRequest {
  const { source, time } = request;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': writeId(request),
    'ce-source': source,
    'ce-type': eventType,
  };
  if (meaning.total !== '') headers['ce-subject'] = meaning.total;
  if (time !== undefined) headers['ce-time'] = time;
  const { a, b } = meaning;
  return { method: 'POST', path, headers, body: Buffer.from(JSON.stringify({ a, b, sum: sumOf(meaning) })) };
}

function toStructured(request: ClientRequest, meaning: Meaning): Record<string, unknown> {
  const { source, time } = request;
  const { total, a, b } = meaning;
  return {
    specversion: '1.0',
    id: writeId(request),
    source,
    type: eventType,
    ...(total !== '' && { subject: total }),
    ...(time !== undefined && { time }),
    datacontenttype: 'application/json',
    data: { a, b, sum: sumOf(meaning) },
  };
}

export interface Asked {
  readonly request: ClientRequest;
  readonly meaning: Meaning;
}

/** One event in structured mode, or several as a batch. */
export function toJson(path: string, asked: readonly Asked[], isBatch: boolean): HttpRequest {
  const events = asked.map(({ request, meaning }) => toStructured(request, meaning));
  return {
    method: 'POST',
    path,
    headers: { 'content-type': `application/cloudevents${isBatch ? '-batch' : ''}+json` },
    body: Buffer.from(JSON.stringify(isBatch ? events : events[0])),
  };
}
