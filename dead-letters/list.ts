// tally dead-letters list: the newest letters, a line each.

import { exit } from '../client/command/exit.ts';
import { formatTable } from '../client/command/table.ts';
import { printable } from '../lib/printable.ts';
import { explain } from './failure.ts';
import { formatPlace, type Letter } from './letter.ts';
import type { LetterBox } from './letter-box.ts';
import { describeState, letterJson } from './letter-json.ts';
import type { Outcome } from './outcome.ts';
import { formatTime, shorten } from './text.ts';

/** What of a cell is shown; `show` has all of it. */
const widest = { id: 40, total: 30, why: 80 };

export interface ListOptions {
  /** Those that are done with, too. */
  readonly all?: true;
  readonly limit: number;
  readonly json?: true;
}

export async function runList(box: LetterBox, options: ListOptions): Promise<Outcome> {
  const { lines, of } = await newestLines(box, options);
  const text = options.json
    ? lines.flatMap(({ cells }) => cells).join('\n')
    : formatTable([heading(options), ...lines.map(({ cells }) => cells)]);
  const none = options.all ? 'no dead letters' : 'no open dead letters';
  const more = of > lines.length ? `the newest ${lines.length} of ${of}: see --limit` : undefined;
  const note = of === 0 ? none : more;
  return { exitCode: exit.done, ...(of > 0 && { text }), ...(note !== undefined && { note }) };
}

/** What is shown of a letter; one cell of JSON where that was asked for. */
interface Line extends Pick<Letter, 'atMs' | 'partition' | 'offset'> {
  readonly cells: readonly string[];
}

/** The newest, oldest first, and how many there are without a limit. No more than twice the limit is in memory. */
async function newestLines(
  box: LetterBox,
  options: ListOptions,
): Promise<{ lines: readonly Line[]; of: number }> {
  const { all, limit } = options;
  let newest: Line[] = [];
  let of = 0;
  for await (const page of box.letters()) {
    const wanted = all ? page : page.filter((letter) => box.isOpen(letter));
    of += wanted.length;
    for (const letter of wanted) {
      const { atMs, partition, offset } = letter;
      newest.push({ atMs, partition, offset, cells: describe(box, letter, options) });
    }
    if (newest.length > 2 * limit) newest = newest.toSorted(inOrder).slice(-limit);
  }
  return { lines: newest.toSorted(inOrder).slice(-limit), of };
}

/** The partitions of a Kafka have nothing but their times in common. */
function inOrder(x: Line, y: Line): number {
  return x.atMs - y.atMs || x.partition - y.partition || x.offset - y.offset;
}

function heading({ all }: ListOptions): readonly string[] {
  return ['LETTER', 'ID', 'TOTAL', 'WHEN', ...(all ? ['STATE'] : []), 'WHY'];
}

function describe(box: LetterBox, letter: Letter, { all, json }: ListOptions): readonly string[] {
  if (json) return [JSON.stringify(letterJson(box, letter))];
  return [
    formatPlace(letter),
    shorten(printable(letter.id), widest.id),
    shorten(printable(letter.total ?? '-'), widest.total),
    formatTime(letter.atMs),
    ...(all ? [describeState(box, letter)] : []),
    shorten(printable(explain(letter.failure)), widest.why),
  ];
}
