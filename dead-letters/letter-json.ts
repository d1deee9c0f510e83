// A letter as data: the fields of `list --json` and `show --json`, on which scripts rely.

import { isUtf8 } from 'node:buffer';

import { explain } from './failure.ts';
import { formatPlace, type Letter, originalOf } from './letter.ts';
import type { LetterBox } from './letter-box.ts';
import { formatTime } from './text.ts';

/** `open`, or what was done with it last. */
export function describeState(box: LetterBox, letter: Letter): string {
  return box.notesOn(letter).at(-1)?.action ?? 'open';
}

export function letterJson(box: LetterBox, letter: Letter) {
  const { id, source, total, atMs, failure, origin, record } = letter;
  return {
    letter: formatPlace(letter),
    id,
    source,
    type: record.headers['ce_type'] ?? null,
    total: total ?? null,
    time: record.headers['ce_time'] ?? null,
    failedAt: formatTime(atMs),
    code: failure.code ?? null,
    why: explain(failure),
    destination: failure.destination ?? null,
    origin: origin === undefined ? null : formatPlace(origin),
    state: describeState(box, letter),
    notes: box.notesOn(letter).map(({ action, atMs: noteMs, reason }) => ({
      ...{ action, at: formatTime(noteMs), reason: reason ?? null },
    })),
  };
}

/** The same and the event itself. */
export function shownJson(box: LetterBox, letter: Letter) {
  const { value } = letter.record;
  const text = value === null || !isUtf8(value) ? undefined : Buffer.from(value).toString();
  return {
    ...letterJson(box, letter),
    answer: letter.failure.answer ?? null,
    headers: originalOf(letter).headers,
    key: letter.record.key,
    ...(value === null || text !== undefined
      ? { data: text ?? null }
      : { dataBase64: Buffer.from(value).toString('base64') }),
  };
}
