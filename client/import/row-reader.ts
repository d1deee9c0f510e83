// Turns rows into additions: which columns matter, what makes a row bad, and the same id for the same row.

import { stringify } from 'uuid';

import { formatDecimal, parseDecimal } from '../../lib/decimal.ts';
import { AppError, show } from '../../lib/errors.ts';
import type { AdditionInput } from '../addition.ts';
import { UsageError } from '../usage-error.ts';
import type { Row } from './csv.ts';
import { RepeatIndex } from './repeats.ts';
import { idFromColumn, idFromPlace } from './row-id.ts';

/** A row as it is sent: its amount plus nothing. */
export interface RowAddition extends AdditionInput {
  readonly line: number;
  readonly requestId: string;
}

export type ReadRow =
  | { readonly kind: 'addition'; readonly addition: RowAddition }
  | { readonly kind: 'repeated'; readonly line: number; readonly firstLine: number }
  | { readonly kind: 'bad'; readonly line: number; readonly problem: string };

export interface RowReaderOptions {
  /** The name of the column with the amount. */
  readonly amount: string;
  /** The name of the column that tells rows apart; without it they are told apart by their place. */
  readonly id?: string | undefined;
  readonly total: string;
  /** The file's base name, or what stands for it. */
  readonly file: string;
}

const maxIdLength = 1_000;

export class RowReader {
  readonly #options: RowReaderOptions;
  readonly #columns: number;
  readonly #amountAt: number;
  readonly #idAt: number | undefined;
  readonly #repeats = new RepeatIndex();

  /** @throws UsageError when the header has not exactly one column of each name */
  constructor(header: readonly string[], options: RowReaderOptions) {
    this.#options = options;
    this.#columns = header.length;
    this.#amountAt = findColumn(header, options.amount);
    this.#idAt = options.id === undefined ? undefined : findColumn(header, options.id);
  }

  /** Whether the file has more ids than are remembered: from then on only the server notices repeated ones. */
  get isFull(): boolean {
    return this.#repeats.isFull;
  }

  read({ line, fields }: Row): ReadRow {
    const { total, file, amount: column } = this.#options;
    const bad = (problem: string): ReadRow => ({ kind: 'bad', line, problem });
    if (fields.length !== this.#columns) {
      return bad(`has ${fields.length} columns, the header has ${this.#columns}`);
    }
    let amount;
    try {
      amount = formatDecimal(parseDecimal(fields[this.#amountAt]?.trim()));
    } catch (error) {
      if (error instanceof AppError) return bad(`${column} ${error.message}`);
      throw error;
    }
    if (this.#idAt === undefined)
      return addition(line, total, amount, idFromPlace(total, file, line, fields));
    const id = fields[this.#idAt]?.trim() ?? '';
    const problem = findIdProblem(id);
    if (problem !== undefined) return bad(`${this.#options.id ?? ''} ${problem}`);
    const bytes = idFromColumn(total, id);
    const repeat = this.#repeats.add(bytes, amount, line);
    if (repeat === undefined) return addition(line, total, amount, bytes);
    const { firstLine } = repeat;
    if (repeat.sameAmount) return { kind: 'repeated', line, firstLine };
    return bad(
      `${this.#options.id ?? ''} ${show(id)} is on line ${firstLine} with another amount, which is the one that counts`,
    );
  }
}

function addition(line: number, total: string, amount: string, id: Uint8Array): ReadRow {
  return { kind: 'addition', addition: { line, total, a: amount, b: '0', requestId: stringify(id) } };
}

function findColumn(header: readonly string[], name: string): number {
  const names = header.map((field) => field.trim());
  const at = names.indexOf(name);
  if (at === -1) {
    const hint = names.some((other) => other.includes(';'))
      ? "; give --delimiter ';' if that is between them"
      : '';
    throw new UsageError(
      `there is no column ${show(name)}; the header has ${names.map(show).join(', ')}${hint}`,
    );
  }
  if (names.includes(name, at + 1)) throw new UsageError(`there are several columns ${show(name)}`);
  return at;
}

function findIdProblem(id: string): string | undefined {
  if (id === '') return 'is empty';
  if (id.length > maxIdLength) return `has more than ${maxIdLength} characters`;
  // Different bytes that are no UTF-8 all become this one character: different ids would become the same.
  if (id.includes('\uFFFD')) return `is not UTF-8: ${show(id)}`;
  return undefined;
}
