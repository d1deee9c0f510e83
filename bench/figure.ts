// One line of the result: what was measured, as a share of what bounds it, against its goal; and the table of them.

import type { Paired } from './stats.ts';

export interface Goal {
  /** What the goal is about: the ratio to the bound, or the value itself. */
  readonly of: 'ratio' | 'value';
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Figure {
  readonly section: string;
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly boundName?: string;
  readonly bound?: number;
  readonly ratio?: number;
  readonly low?: number;
  readonly high?: number;
  /** Without one the figure is for information. */
  readonly goal?: Goal;
}

export function comparedFigure(
  what: Pick<Figure, 'section' | 'name' | 'unit' | 'boundName' | 'goal'>,
  paired: Paired,
): Figure {
  return { ...what, ...paired };
}

/** Whether the goal is reached; undefined without one. */
export function isMet({ goal, ratio, value }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  const actual = goal.of === 'ratio' ? (ratio ?? Number.NaN) : value;
  return actual <= (goal.atMost ?? Infinity) && actual >= (goal.atLeast ?? -Infinity);
}

const titles = ['section', 'figure', 'value', 'bound', 'ratio', 'pairs', 'goal', ''];

/** A Markdown table, aligned for a terminal. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = [titles, ...figures.map(formatRow)];
  const widths = titles.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return `${lines.join('\n')}\n`;
}

function formatRow(figure: Figure): string[] {
  const { section, name, unit, value, bound, boundName, ratio, low, high, goal } = figure;
  const met = isMet(figure);
  return [
    section,
    name,
    `${formatNumber(value)} ${unit}`,
    bound === undefined ? '' : `${formatNumber(bound)} ${unit}: ${boundName ?? ''}`,
    ratio === undefined ? '' : ratio.toFixed(2),
    low === undefined || high === undefined ? '' : `${low.toFixed(2)}–${high.toFixed(2)}`,
    goal === undefined ? '' : formatGoal(goal, unit),
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ];
}

function formatGoal({ of, atMost, atLeast }: Goal, unit: string): string {
  const limit = atMost === undefined ? `≥ ${atLeast ?? ''}` : `≤ ${atMost}`;
  return of === 'ratio' ? limit : `${limit} ${unit}`;
}

function formatNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
}
