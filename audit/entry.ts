// What is set aside of a record and of a counted event until those of one identity are compared.

import type { SumEvent } from './record-event.ts';

/** What has to have become of a record of the log. */
export const recordStates = [
  /** It was done with before the ledger was looked at: its id has to be counted. */
  'due',
  /** It is in the dead letters. */
  'dead-letter',
  /** It was not known to be done with: whether it is counted proves nothing. */
  'in-flight',
  /** It was stored before the time from which on is judged. */
  'early',
] as const;
export type RecordState = (typeof recordStates)[number];

/** What a counted event has to have. */
export const eventStates = [
  /** A record. */
  'counted',
  /** Nothing: it was counted before the time from which on is judged. */
  'early',
  /** Nothing: its source posts to accumulate, past the log. */
  'direct',
] as const;
export type EventState = (typeof eventStates)[number];

export interface RecordEntry extends SumEvent {
  readonly state: RecordState;
  readonly partition: number;
  readonly offset: number;
}

export interface EventEntry extends SumEvent {
  readonly state: EventState;
  readonly seq: number;
  readonly appliedAt: number;
}

type Packed = [
  kind: 0 | 1,
  state: number,
  source: string,
  id: string,
  total: string,
  a: string,
  b: string,
  place: number,
  more: number,
];

export function packRecord({ state, source, id, total, a, b, partition, offset }: RecordEntry): Packed {
  return [0, recordStates.indexOf(state), source, id, total, a, b, partition, offset];
}

export function packEvent({ state, source, id, total, a, b, seq, appliedAt }: EventEntry): Packed {
  return [1, eventStates.indexOf(state), source, id, total, a, b, seq, appliedAt];
}

/** The records and events of one identity, each in the order in which it was read. */
export interface Group {
  readonly records: RecordEntry[];
  readonly events: EventEntry[];
}

/** The text under which all of one identity meet. */
export function identityOf({ source, id }: Pick<SumEvent, 'source' | 'id'>): string {
  return `${source}\n${id}`;
}

/** @param packed what {@link packRecord} and {@link packEvent} made */
export function groupEntries(packed: readonly unknown[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const [kind, state, source, id, total, a, b, place, more] of packed as readonly Packed[]) {
    const key = identityOf({ source, id });
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { records: [], events: [] }));
    const event = { source, id, total, a, b };
    if (kind === 0) {
      const recordState = recordStates[state] ?? 'due';
      group.records.push({ ...event, state: recordState, partition: place, offset: more });
    } else {
      group.events.push({ ...event, state: eventStates[state] ?? 'counted', seq: place, appliedAt: more });
    }
  }
  return groups.values();
}
