// Which letters the names on a command line mean. PARTITION:OFFSET means the letter that is there, whatever ids there are:
// an id is its sender's choice. Any other name is an id, and means all open letters of it, as long as they are of one event.

import { AppError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import { formatPlace, isSameEvent, type Letter } from './letter.ts';
import type { LetterBox } from './letter-box.ts';

/** Letters of one id that are named in a message. */
const maxNamed = 10;

/** Every letter that one of the names may mean, by name: the one at that place, else all of that id. */
export async function findLetters(
  box: LetterBox,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly Letter[]>> {
  const byId = new Map<string, Letter[]>(names.map((name) => [name, []]));
  const byPlace = new Map<string, Letter>();
  for await (const page of box.letters()) {
    for (const letter of page) {
      const place = formatPlace(letter);
      if (byId.has(place)) byPlace.set(place, letter);
      byId.get(letter.id)?.push(letter);
    }
  }
  for (const [place, letter] of byPlace) byId.set(place, [letter]);
  return byId;
}

/**
 * The letters to do something with.
 * @throws AppError `not-found` or `invalid` naming every id that means no letter or might mean another
 */
export async function selectLetters(box: LetterBox, names: readonly string[]): Promise<readonly Letter[]> {
  const problems: AppError[] = [];
  const selected = new Map<string, Letter>();
  for (const [name, letters] of await findLetters(box, names)) {
    const chosen = choose(box, name, letters);
    if (chosen instanceof AppError) problems.push(chosen);
    else for (const letter of chosen) selected.set(formatPlace(letter), letter);
  }
  const [first] = problems;
  if (first !== undefined) {
    const code = problems.find((problem) => problem.code !== 'not-found')?.code ?? 'not-found';
    throw new AppError(code, problems.map(({ message }) => message).join('\n'));
  }
  return [...selected.values()];
}

function choose(box: LetterBox, name: string, letters: readonly Letter[]): readonly Letter[] | AppError {
  const [only] = letters;
  if (only === undefined) return new AppError('not-found', `there is no dead letter ${printable(name)}`);
  if (formatPlace(only) === name) return letters;
  const open = letters.filter((letter) => box.isOpen(letter));
  const [first, ...others] = open;
  if (first === undefined) {
    const problem = `is done with; to take it all the same, name it by its place: ${placesOf(letters)}`;
    return new AppError('not-found', `${printable(name)} ${problem}`);
  }
  if (others.every((other) => isSameEvent(first, other))) return open;
  const problem = `means several events, of which one can count at most: name one by its place: ${placesOf(open)}`;
  return new AppError('invalid', `${printable(name)} ${problem}`);
}

/** `0:3, 0:7`, the first so many of them. */
export function placesOf(letters: readonly Letter[]): string {
  const named = letters.slice(0, maxNamed).map(formatPlace);
  return `${named.join(', ')}${letters.length > maxNamed ? ', …' : ''}`;
}
