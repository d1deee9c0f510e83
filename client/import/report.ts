// What an import did so far: counts, the exact sum, and the rows that need a look. Lists are bounded, counts are not.

import { addDecimals, formatDecimal, readCanonical, zero } from '../../lib/decimal.ts';

export interface BadRow {
  readonly line: number;
  readonly problem: string;
}

export interface RepeatedRow {
  readonly line: number;
  readonly firstLine: number;
}

/** How many rows of each list are kept. */
const maxListed = 1_000;

export class ImportReport {
  rows = 0;
  /** How far the file was read. */
  bytes = 0;
  /** Rows that the add function answered with OK: they are in the log. */
  acknowledged = 0;
  /** Of these, rows that the add function remembered from an earlier call. It forgets after some minutes. */
  replayed = 0;
  /** Rows with the id and the amount of an earlier row of the file: not sent again. */
  repeated = 0;
  bad = 0;
  /** Rows sent to which no final answer came. */
  unknown = 0;
  /** Rows seen in the total, once `--wait` looks. */
  counted = 0;
  /** Of these, rows that were in the total before the import began. */
  countedBefore = 0;
  readonly badRows: BadRow[] = [];
  readonly repeatedRows: RepeatedRow[] = [];
  readonly #onBad: (row: BadRow) => void;
  #sum = zero;

  /** @param onBad told of every bad row, listed or not */
  constructor(onBad: (row: BadRow) => void = () => undefined) {
    this.#onBad = onBad;
  }

  /** The exact sum of the acknowledged rows. */
  get sum(): string {
    return formatDecimal(this.#sum);
  }

  addAcknowledged(sum: string, replayed: boolean): void {
    this.acknowledged++;
    if (replayed) this.replayed++;
    this.#sum = addDecimals(this.#sum, readCanonical(sum));
  }

  addBad(row: BadRow): void {
    this.bad++;
    if (this.badRows.length < maxListed) this.badRows.push(row);
    this.#onBad(row);
  }

  addRepeated(row: RepeatedRow): void {
    this.repeated++;
    if (this.repeatedRows.length < maxListed) this.repeatedRows.push(row);
  }

  addCounted(before: boolean): void {
    this.counted++;
    if (before) this.countedBefore++;
  }
}
