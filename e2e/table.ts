// The result: one row for each step, as a table for people.

import type { Account } from '../test/exactness/scenario.ts';

export interface Row {
  readonly step: string;
  readonly seconds: number;
  /** The most pods of add that were ready at one time. */
  readonly pods?: number;
  /** What a step that adds did, and the total that it found as it must be. */
  readonly account?: Account;
  /** What else was seen, or what went wrong. */
  readonly note?: string;
}

const titles = ['step', 'seconds', 'add pods', 'adds', 'retries', 'total = expected', 'note'];
/** Columns of numbers. */
const right = new Set([1, 2, 3, 4]);
const longestTotal = 24;

/** A Markdown table, aligned for a terminal. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [titles, ...rows.map(cellsOf)];
  const widths = titles.map((_, column) => Math.max(3, ...cells.map((row) => (row[column] ?? '').length)));
  const lines = cells.map((row) => {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return right.has(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    return `| ${padded.join(' | ')} |`;
  });
  const rule = widths.map((width, column) => `${'-'.repeat(width - 1)}${right.has(column) ? ':' : '-'}`);
  return `${[lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n')}\n`;
}

function cellsOf({ step, seconds, pods, account, note }: Row): string[] {
  const { count = '', unknown = '', total = '', failures = {} } = account ?? {};
  const notes = Object.entries(failures).map(([status, times]) => `${times} ${status}`);
  if (note !== undefined) notes.unshift(note);
  const adds = [String(count), String(unknown), shorten(total)];
  return [step, seconds.toFixed(1), String(pods ?? ''), ...adds, notes.join(', ')];
}

function shorten(total: string): string {
  const half = longestTotal / 2 - 1;
  return total.length <= longestTotal ? total : `${total.slice(0, half)}…${total.slice(-half)}`;
}
