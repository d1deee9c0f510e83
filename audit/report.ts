// An audit's result in words.

import { printable } from '../lib/printable.ts';
import type { Sum, TotalDifference } from './accounts.ts';
import type { Audit } from './audit.ts';
import type { SumEvent } from './record-event.ts';
import { type Difference, type Kind, kinds } from './judge.ts';

const titles: Readonly<Record<Kind | 'row', string>> = {
  missing: 'missing: delivered, but neither counted nor in the dead letters',
  withoutRecord: 'counted without a record in the log',
  otherAmount: 'counted with another amount than recorded',
  countedAgain: 'counted more than once',
  refused: 'refused, as the id was counted with other operands, but not in the dead letters',
  row: "in the total's row, but in none of its events",
};
const shortTitles: Readonly<Record<Kind | 'row', string>> = {
  ...titles,
  missing: 'missing',
  withoutRecord: 'counted without a record',
  otherAmount: 'counted with another amount',
  row: 'in its row alone',
};

/** Sources that are named in a hint. */
const maxHinted = 5;

/** Longer than a record is delivered again and again before it goes to the dead letters. */
const stuckMs = 900_000;

/** @param limit how many totals are listed */
export function describe(audit: Audit, limit: number): string {
  const { ledger, log, isEqual } = audit;
  const head = `${ledger.directory} and ${log.name}: ${isEqual ? 'equal' : 'different'}`;
  const lines = [head, ...claim(audit).map((line) => `  ${line}`)];
  for (const total of audit.totals.slice(0, limit)) lines.push('', ...describeTotal(total));
  if (audit.totals.length > limit) lines.push('', `and ${audit.totals.length - limit} more totals`);
  for (const kind of kinds) {
    const { count, listed } = audit.differences[kind];
    if (count === 0) continue;
    const shown = listed.length < count ? `, of which ${listed.length} are listed` : '';
    lines.push('', `${titles[kind]}: ${count}${shown}`, ...listed.map((found) => `  ${describeOne(found)}`));
  }
  lines.push(...hints(audit));
  // A name in a ledger that somebody else wrote to may hold anything.
  return lines.map((line) => `${printable(line)}\n`).join('');
}

/** What most often stands behind what was found. */
function hints({ ids, log, ledger, differences }: Audit): string[] {
  const { count, listed } = differences.withoutRecord;
  if (count === 0) return [];
  if (log.records > 0 && ids.counted === 0) {
    const which = `is ${log.name} the log of ${ledger.directory}? See --log and --data-dir`;
    return ['', `None of the log's records is counted in this ledger: ${which}.`];
  }
  const found = listed.flatMap((each) => (each.kind === 'withoutRecord' ? [each.event.source] : []));
  const sources = [...new Set(found)].slice(0, maxHinted);
  if (sources.length === 0) return [];
  const options = sources.map((source) => `--direct-source ${source}`).join(' ');
  return ['', `Were they posted to accumulate, past the log? Then name their source: ${options}`];
}

/** What was compared, and so what the word above means. */
function claim({ ledger, log, ids, since }: Audit): string[] {
  const offsets = (name: 'committedOffset' | 'nextOffset'): string =>
    log.partitions
      .map((partition) =>
        log.partitions.length === 1 ? `${partition[name]}` : `${partition.partition}:${partition[name]}`,
      )
      .join(' ');
  const lines = [
    `ledger: ${plural(ledger.totals, 'total')} up to event ${ledger.seq}, ${ledger.events} of them stored`,
    `log: ${plural(log.records, 'record')} up to offset ${offsets('nextOffset')}, to be counted up to offset ${offsets('committedOffset')}`,
    `ids: ${ids.counted} counted as recorded, ${ids.deadLetters} in the dead letters alone, ${ids.inFlight} in flight`,
  ];
  if (log.deadLetters > 0) {
    lines.push(
      `dead letters: ${log.deadLetters} so far; "tally dead-letters list" has those nobody is done with`,
    );
  }
  if (log.waiting.since !== null) {
    const { records, since: waitingSince } = log.waiting;
    const isStuck = Date.now() - Date.parse(waitingSince) > stuckMs;
    const why = isStuck ? '. None is judged before that: see why it does not get on' : '';
    lines.push(`the log is not done with: ${plural(records, 'record')}, the oldest of ${waitingSince}${why}`);
  }
  if (log.notValid > 0) {
    const lost = log.notValidAndLost > 0 ? `, ${log.notValidAndLost} of them not in the dead letters` : '';
    lines.push(`records with no valid event: ${log.notValid}${lost}`);
  }
  if (ids.direct > 0)
    lines.push(`taken from the ledger, as posted past the log: ${plural(ids.direct, 'event')}`);
  if (since === null) {
    lines.push(`compared: everything that was ever counted${ids.direct > 0 ? ', but for that' : ''}`);
    return lines;
  }
  lines.push(
    `compared: what was counted since ${since}; what the totals were then, with ${plural(ids.countedBefore, 'stored event')}, is taken from the ledger`,
  );
  if (ids.notJudged > 0)
    lines.push(`not judged: ${plural(ids.notJudged, 'id')} recorded or made before that and not counted`);
  return lines;
}

function describeTotal({ name, ledger, log, difference, parts }: TotalDifference): string[] {
  return [
    `total ${name}: ledger ${describeSum(ledger)}, log ${describeSum(log)}, difference ${describeSum(difference)}`,
    ...parts.map((part) => `  ${describeSum(part)} ${shortTitles[part.kind]}`),
  ];
}

function describeSum({ total, count }: Sum): string {
  return `${total} (${plural(count, 'event')})`;
}

function describeOne(difference: Difference): string {
  switch (difference.kind) {
    case 'missing':
      return `${describeEvent(difference.record)}, ${placeOf(difference)}`;
    case 'withoutRecord':
      return `${describeEvent(difference.event)}, ${placeOf(difference)}`;
    case 'otherAmount':
      return `${describeEvent(difference.event)}, ${placeOf(difference)}, recorded as ${meaning(difference.record)}`;
    case 'countedAgain':
      return `${describeEvent(difference.event)}, ${placeOf(difference)}, first as event ${difference.first.seq}`;
    case 'refused':
      return `${describeEvent(difference.record)}, ${placeOf(difference)}, counted as ${meaning(difference.event)}`;
  }
}

function placeOf(difference: Difference): string {
  const record = (): string =>
    'record' in difference ? `record ${difference.record.partition}:${difference.record.offset}` : '';
  if (difference.kind === 'missing' || difference.kind === 'refused') return record();
  const { seq, appliedAt } = difference.event;
  const event = `event ${seq} of ${new Date(appliedAt).toISOString()}`;
  return difference.kind === 'otherAmount' ? `${event}, ${record()}` : event;
}

function describeEvent(event: SumEvent): string {
  return `${event.id} of ${event.source}: ${meaning(event)}`;
}

function meaning({ a, b, total }: SumEvent): string {
  return `${a} and ${b} to ${total}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${Math.abs(count) === 1 ? '' : 's'}`;
}
