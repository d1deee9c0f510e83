// tally dead-letters discard: a note that a letter is not to be redriven. The letter stays where it is.

import { exit } from '../client/command/exit.ts';
import type { LogAccess } from '../local/access/log-access.ts';
import { noteRecord } from '../local/log/note.ts';
import type { LetterBox } from './letter-box.ts';
import { formatPlace } from './letter.ts';
import { countLetters, type Outcome } from './outcome.ts';
import { placesOf, selectLetters } from './selection.ts';

export interface DiscardOptions {
  readonly reason?: string;
  readonly json?: true;
}

export async function runDiscard(
  log: LogAccess,
  box: LetterBox,
  names: readonly string[],
  { reason, json }: DiscardOptions,
): Promise<Outcome> {
  const letters = await selectLetters(box, names);
  for (const letter of letters) {
    await log.append(
      'sums-dead-letter',
      noteRecord({ letter, action: 'discarded', atMs: Date.now(), reason }),
    );
  }
  const text = json
    ? JSON.stringify({ discarded: letters.length, letters: letters.map(formatPlace) })
    : `discarded ${countLetters(letters.length)}: ${placesOf(letters)}`;
  return { exitCode: exit.done, text };
}
