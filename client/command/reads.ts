// tally total, tally totals, tally status: what is counted.

import { defaultTotal, parseRequestId, parseTotalName } from '../../lib/names.ts';
import type { Total } from '../accumulate.ts';
import { type Context, createRetryNote, type Outcome, parseArgument } from './context.ts';
import { exit } from './exit.ts';
import { formatTable } from './table.ts';

/** Its ids are UUIDs; events of other sources have ids of any shape. */
const addSource = '/functions/add';

export async function runTotal({ client, note }: Context, text: string = defaultTotal): Promise<Outcome> {
  const name = parseArgument('name', () => parseTotalName(text));
  const total = await client.total(name, { onRetry: createRetryNote(note) });
  return { exitCode: exit.done, json: total, text: total.total };
}

export async function runTotals({ client, note }: Context): Promise<Outcome> {
  const totals: Total[] = [];
  for await (const total of client.totals({ onRetry: createRetryNote(note) })) totals.push(total);
  const rows = totals.map(({ name, total, count, updatedAt }) => [
    name,
    total,
    String(count),
    updatedAt ?? '-',
  ]);
  return {
    exitCode: exit.done,
    json: { totals },
    text: formatTable([['NAME', 'TOTAL', 'REQUESTS', 'UPDATED'], ...rows]),
  };
}

export interface RequestStatusOptions {
  readonly source?: string;
  /** In milliseconds. */
  readonly wait?: number;
}

export async function runStatus(
  { client, note, tally }: Context,
  id: string,
  { source, wait: waitMs }: RequestStatusOptions,
): Promise<Outcome> {
  const isOurs = source === undefined || source === addSource;
  const requestId = isOurs ? parseArgument('request-id', () => parseRequestId(id)) : id;
  const counted = await client.status(requestId, { source, waitMs, onRetry: createRetryNote(note) });
  if (counted === undefined) {
    const within = waitMs === undefined ? '' : ` within ${waitMs / 1_000} s`;
    const problem =
      `request ${requestId} is not known to be counted${within} ` +
      "(ids are remembered for accumulate's DEDUPE_WINDOW, 30 days by default). " +
      `If it was acknowledged, look in the dead letters: ${tally} dead-letters list`;
    return { exitCode: exit.notCounted, json: { id: requestId, counted: false }, problem };
  }
  const { a, b, sum, total, appliedAt } = counted;
  return {
    exitCode: exit.done,
    json: { counted: true, ...counted },
    text: `counted: ${a} + ${b} = ${sum} in ${total} at ${appliedAt}`,
  };
}
