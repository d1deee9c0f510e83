// Compares what the log and the ledger have of one identity (I1, I2, I6). Says for the log what counts: that is what the
// totals are rebuilt from.

import type { EventEntry, Group, RecordEntry } from './entry.ts';
import type { SumEvent } from './record-event.ts';

export type Difference =
  /** In the log and done with, but neither counted nor in the dead letters (I1). */
  | { readonly kind: 'missing'; readonly record: RecordEntry }
  /** Counted, but in no log. */
  | { readonly kind: 'withoutRecord'; readonly event: EventEntry }
  /** Counted with operands or a total that no record of this id has (I6). */
  | { readonly kind: 'otherAmount'; readonly event: EventEntry; readonly record: RecordEntry }
  /** Counted, though its id was counted before (I2). */
  | { readonly kind: 'countedAgain'; readonly event: EventEntry; readonly first: EventEntry }
  /** Refused, as its id was counted with other operands, and yet not in the dead letters (I6). */
  | { readonly kind: 'refused'; readonly record: RecordEntry; readonly event: EventEntry };

export type Kind = Difference['kind'];

/** In the order in which they are told. */
export const kinds: readonly Kind[] = ['missing', 'withoutRecord', 'otherAmount', 'countedAgain', 'refused'];

/** What an identity is, if nothing is wrong with it. */
export type Standing =
  'counted' | 'counted-before' | 'direct' | 'dead-letter' | 'in-flight' | 'not-judged' | 'different';

export interface Judgement {
  readonly standing: Standing;
  readonly differences: readonly Difference[];
  /** What counts by the log, or by the ledger where the log is not asked. */
  readonly counts: readonly SumEvent[];
}

export function judge({ records, events }: Group): Judgement {
  const [first, ...again] = events;
  if (first === undefined) return judgeUncounted(records);
  const judgedAgain = again.filter(({ state }) => state !== 'early');
  const differences: Difference[] = judgedAgain.map((event) => ({ kind: 'countedAgain', event, first }));
  const { counts, standing, compared, difference } = judgeCounted(first, records);
  if (difference !== undefined) differences.unshift(difference);
  // Each meaning once, however often it was recorded.
  const told: SumEvent[] = compared === undefined ? [first] : [first, compared];
  for (const record of records) {
    if (record.state !== 'due' || told.some((meaning) => sameMeaning(meaning, record))) continue;
    told.push(record);
    differences.push({ kind: 'refused', record, event: first });
  }
  return {
    standing: differences.length > 0 ? 'different' : standing,
    differences,
    counts: [...counts, ...again.filter(({ state }) => state === 'early')],
  };
}

function judgeUncounted(records: readonly RecordEntry[]): Judgement {
  const due = records.find(({ state }) => state === 'due');
  if (due !== undefined) {
    return { standing: 'different', differences: [{ kind: 'missing', record: due }], counts: [due] };
  }
  const isThere = (wanted: RecordEntry['state']): boolean => records.some(({ state }) => state === wanted);
  const standing = isThere('in-flight') ? 'in-flight' : isThere('dead-letter') ? 'dead-letter' : 'not-judged';
  return { standing, differences: [], counts: [] };
}

/** @returns `compared`: the record that is named in the difference */
function judgeCounted(
  event: EventEntry,
  records: readonly RecordEntry[],
): Omit<Judgement, 'differences'> & { compared?: RecordEntry; difference?: Difference } {
  if (event.state === 'early') return { standing: 'counted-before', counts: [event] };
  const same = records.find((record) => sameMeaning(record, event));
  if (same !== undefined) return { standing: 'counted', counts: [same] };
  if (event.state === 'direct') return { standing: 'direct', counts: [event] };
  // One in the dead letters was refused: it is not what was counted wrongly.
  const compared = records.find(({ state }) => state !== 'dead-letter');
  if (compared === undefined) {
    return { standing: 'different', counts: [], difference: { kind: 'withoutRecord', event } };
  }
  const difference = { kind: 'otherAmount', event, record: compared } as const;
  return { standing: 'different', counts: [compared], compared, difference };
}

function sameMeaning(x: SumEvent, y: SumEvent): boolean {
  return x.total === y.total && x.a === y.a && x.b === y.b;
}
