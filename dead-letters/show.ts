// tally dead-letters show: everything that is known of a letter.

import { exit } from '../client/command/exit.ts';
import { printable } from '../lib/printable.ts';
import type { Letter } from './letter.ts';
import type { LetterBox } from './letter-box.ts';
import { shownJson } from './letter-json.ts';
import type { Outcome } from './outcome.ts';
import { findLetters } from './selection.ts';

/** Shows every letter that a name may mean, done with or not. */
export async function runShow(
  box: LetterBox,
  names: readonly string[],
  { json }: { readonly json?: true },
): Promise<Outcome> {
  const found = await findLetters(box, names);
  const letters = new Set([...found.values()].flat());
  const shown = [...letters].map((letter) =>
    json ? JSON.stringify(shownJson(box, letter)) : formatLetter(box, letter),
  );
  const missing = names.filter((name) => found.get(name)?.length === 0);
  return {
    exitCode: missing.length > 0 ? exit.notCounted : exit.done,
    ...(shown.length > 0 && { text: shown.join(json ? '\n' : '\n\n') }),
    ...(missing.length > 0 && {
      note: missing.map((name) => `there is no dead letter ${printable(name)}`).join('\n'),
    }),
  };
}

function formatLetter(box: LetterBox, letter: Letter): string {
  const { answer, headers, key, notes, destination, origin, ...shown } = shownJson(box, letter);
  const data = 'dataBase64' in shown ? `${shown.dataBase64} (base64)` : shown.data;
  const lines: [name: string, text: string | null][] = [
    ['letter', shown.letter],
    ['id', shown.id],
    ['total', shown.total],
    ['failed', shown.failedAt],
    ['why', shown.why],
    ['delivered to', destination],
    ['from', origin === null ? null : `sums ${origin}`],
    ['state', shown.state],
    ...notes.map(({ action, at, reason }): [string, string] => [
      'note',
      `${action} ${at}${reason === null ? '' : `: ${reason}`}`,
    ]),
    ['key', key],
    ...Object.entries(headers)
      .filter(([name]) => name !== 'ce_id')
      .map(([name, text]): [string, string] => [name.replace(/^ce_/, ''), text]),
    ['data', data ?? 'none'],
    ['answer', answer],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines
    .filter((line): line is [string, string] => line[1] !== null)
    .map(([name, text]) => `${printable(name).padEnd(width)}  ${formatText(name, text, width + 2)}`)
    .join('\n');
}

/** Data and an answer may have lines of their own, which are set in so that none looks like one of the letter's. */
function formatText(name: string, text: string, indent: number): string {
  if (name !== 'data' && name !== 'answer') return printable(text);
  return printable(text, '\n\t').replaceAll('\n', `\n${' '.repeat(indent)}`);
}
