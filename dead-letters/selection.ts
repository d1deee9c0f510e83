// Which letters the ids on a command line mean. An event's id means all of its open letters, as long as they are of one
// event; where they are not, and for a letter that is done with, PARTITION:OFFSET names one.

import { AppError } from '../lib/errors.ts';
import { formatPlace, isSameEvent, type Letter } from './letter.ts';
import type { LetterBox } from './letter-box.ts';
import { printable } from './text.ts';

/** Letters of one id that are named in a message. */
const maxNamed = 10;

/** Every letter that one of the names may mean, by name. */
export async function findLetters(
  box: LetterBox,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly Letter[]>> {
  const found = new Map<string, Letter[]>(names.map((name) => [name, []]));
  for await (const page of box.letters()) {
    for (const letter of page) {
      const place = formatPlace(letter);
      found.get(place)?.push(letter);
      if (letter.id !== place) found.get(letter.id)?.push(letter);
    }
  }
  return found;
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
  if (letters.length === 1 && formatPlace(only) === name) return letters;
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

function placesOf(letters: readonly Letter[]): string {
  const named = letters.slice(0, maxNamed).map(formatPlace);
  return `${named.join(', ')}${letters.length > maxNamed ? ', …' : ''}`;
}
