// What an operator did with a dead letter, written down beside the letters as one more record of their topic: so it is
// kept as long as they are, in every kind of log. A letter with a note is done with (docs/adr/0012-notes-on-dead-letters.md).

import { randomUUID } from 'node:crypto';

import type { LogRecord, StoredRecord } from './record.ts';

export const noteType = 'dev.tally.dead-letter.note.v1';
const source = '/tally/dead-letters';

const actions = ['redriven', 'discarded'] as const;
export type Action = (typeof actions)[number];

export interface Note {
  /** Where the letter is, and the id of its event: a topic that was made anew has other letters at the same places. */
  readonly letter: { readonly partition: number; readonly offset: number; readonly id: string };
  readonly action: Action;
  /** When it was done, in milliseconds since 1970. */
  readonly atMs: number;
  readonly reason: string | undefined;
}

/** Whether a record of the dead letters is a note. A note that was itself not delivered, from `sums`, is a letter. */
export function isNote({ headers }: Pick<LogRecord, 'headers'>): boolean {
  return headers['ce_type'] === noteType && headers['ce_knativeerrordest'] === undefined;
}

export function noteRecord({ letter, action, atMs, reason }: Note): LogRecord {
  return {
    key: null,
    headers: {
      ce_specversion: '1.0',
      ce_id: randomUUID(),
      ce_source: source,
      ce_type: noteType,
      'content-type': 'application/json',
      ce_time: new Date(atMs).toISOString(),
      ce_letterpartition: String(letter.partition),
      ce_letteroffset: String(letter.offset),
      ce_action: action,
    },
    value: Buffer.from(JSON.stringify({ id: letter.id, ...(reason !== undefined && { reason }) })),
  };
}

/** Undefined for what is no note, or one that does not say what it should. */
export function readNote(record: StoredRecord): Note | undefined {
  if (!isNote(record) || record.value === null) return undefined;
  const {
    ce_letterpartition: partition,
    ce_letteroffset: offset,
    ce_action: done,
    ce_time: time,
  } = record.headers;
  const action = actions.find((one) => one === done);
  if (!isNumber(partition) || !isNumber(offset) || action === undefined) return undefined;
  try {
    const { id, reason } = JSON.parse(Buffer.from(record.value).toString()) as Record<string, unknown>;
    if (typeof id !== 'string') return undefined;
    const atMs = Date.parse(time ?? '');
    return {
      letter: { partition: Number(partition), offset: Number(offset), id },
      action,
      atMs: Number.isNaN(atMs) ? record.timeMs : atMs,
      reason: typeof reason === 'string' ? reason : undefined,
    };
  } catch {
    return undefined;
  }
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,15}$/.test(text);
}
