// tally add: one addition. However it ends, it says whether the addition counts, does not, or may (I7); in the last
// case with the command that settles it.

import { formatDecimal, parseDecimal } from '../../lib/decimal.ts';
import { formatDuration } from '../../lib/env.ts';
import { randomUUID } from 'node:crypto';

import type { CountedRequest } from '../accumulate.ts';
import type { Added } from '../add.ts';
import { TallyError } from '../tally-error.ts';
import { type Context, createRetryNote, errorJson, type Outcome } from './context.ts';
import { exit, exitCodeOf } from './exit.ts';
import { watchInterruption } from './interruption.ts';

export interface AddOptions {
  readonly total?: string;
  readonly id?: string;
  /** For all attempts together. */
  readonly timeout: number;
  /** How long to wait until it is counted, in milliseconds; undefined does not wait. */
  readonly wait?: number;
}

export async function runAdd(context: Context, a: string, b: string, options: AddOptions): Promise<Outcome> {
  const { total, id: requestId = randomUUID() } = options;
  const interruption = watchInterruption();
  const { signal } = interruption;
  try {
    const onRetry = createRetryNote(context.warn);
    const call = { a, b, total, requestId, deadlineMs: options.timeout, signal, onRetry };
    const added = await context.client.add(call);
    context.note(`request ${requestId}${added.replayed ? ' (a replay: it was acknowledged before)' : ''}`);
    if (options.wait === undefined) return { exitCode: exit.done, json: added, text: added.sum };
    return await waitUntilCounted(context, added, { ...call, waitMs: options.wait });
  } catch (error) {
    if (!(error instanceof TallyError)) throw error;
    const outcome = explainFailure(context, a, b, { ...options, id: requestId }, error);
    return { ...outcome, exitCode: interruption.exitCode ?? outcome.exitCode };
  } finally {
    interruption.dispose();
  }
}

/** What to do about what is acknowledged and stays not counted: nobody here can see where it ended. */
export function stillNotCounted({ tally }: Pick<Context, 'tally'>): string {
  return (
    `If it stays so, see the dead letters (${tally} dead-letters list); add sends the same id to the log again only ` +
    'after its CACHE_AGE (10 min by default).'
  );
}

function explainFailure(
  { commandLine }: Context,
  a: string,
  b: string,
  { id = '', total, wait }: AddOptions,
  error: TallyError,
): Outcome {
  const { outcomeUnknown, message } = error;
  const settle = commandLine([
    ...['add', a, b, '--id', id],
    ...(total === undefined ? [] : ['--total', total]),
    ...(wait === undefined ? [] : ['--wait', formatDuration(wait)]),
  ]);
  const failure = { ...errorJson(error), requestId: id, outcomeUnknown };
  if (outcomeUnknown) {
    return {
      exitCode: exit.unknown,
      json: { error: { ...failure, settle } },
      problem:
        `outcome unknown: ${message}\n` +
        `Request ${id} may be counted or not. To settle it run this; it counts once however often it is run:\n` +
        `  ${settle}`,
    };
  }
  // Another addition has the id. Which of the two is counted only accumulate knows: it may be this one.
  const problem =
    error.code === 'conflict'
      ? `refused: ${message}\n  ${commandLine(['status', id])}`
      : `not counted: ${message}`;
  return { exitCode: exitCodeOf(error), json: { error: failure }, problem };
}

async function waitUntilCounted(
  context: Context,
  added: Added,
  call: { a: string; b: string; total?: string | undefined; waitMs: number; signal: AbortSignal },
): Promise<Outcome> {
  const { client, note, commandLine } = context;
  const { requestId, sum } = added;
  let counted: CountedRequest | undefined;
  let reason = `not counted within ${call.waitMs / 1_000} s`;
  try {
    counted = await client.status(requestId, { ...call, onRetry: createRetryNote(note) });
  } catch (error) {
    if (!(error instanceof TallyError)) throw error;
    reason = `no word whether it is counted yet: ${error.message}`;
  }
  if (counted === undefined) {
    return {
      exitCode: exit.notCounted,
      json: { ...added, counted: false },
      text: sum,
      problem:
        `acknowledged: it is in the log; ${reason}\n` +
        `To look again: ${commandLine(['status', requestId, '--wait', '1m'])}\n${stillNotCounted(context)}`,
    };
  }
  // The sum alone would not tell 1 + 2 from 2 + 1, which are two requests (I6).
  const asked = [canonical(call.a), canonical(call.b), call.total ?? 'default'];
  if (asked.some((value, index) => value !== [counted.a, counted.b, counted.total][index])) {
    const was = `${counted.a} + ${counted.b} in ${counted.total}`;
    const message = `${requestId} was counted earlier with other operands: ${was}`;
    return {
      exitCode: exit.refused,
      json: { error: { code: 'conflict', message, requestId, outcomeUnknown: false } },
      problem: `not counted: ${message}`,
    };
  }
  return {
    exitCode: exit.done,
    json: { ...added, counted: true, appliedAt: counted.appliedAt },
    text: sum,
  };
}

function canonical(operand: string): string {
  return formatDecimal(parseDecimal(operand));
}
