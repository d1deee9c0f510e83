// A CSV file's rows do not depend on how its bytes come, each row has its line and its one id, and what is no CSV is
// refused where it stops being so (I2).

import { Readable } from 'node:stream';

import { readRows, type Row } from '../../../client/import/csv.ts';
import { type ReadRow, RowReader } from '../../../client/import/row-reader.ts';
import { UsageError } from '../../../client/usage-error.ts';
import { check, isSame } from '../property.ts';

interface Outcome {
  readonly rows: readonly Row[];
  readonly refusal: string | undefined;
}

/** The first byte says where the rest is cut in two. */
export async function fuzz(data: Buffer): Promise<void> {
  const [cut = 0] = data;
  const file = data.subarray(1);
  const whole = await readAll([file]);
  const inTwo = await readAll([file.subarray(0, cut), file.subarray(cut)].filter(({ length }) => length > 0));
  check(isSame(whole, inTwo), 'rows are the same, however the bytes come');
  const lines = file.toString('latin1').split('\n').length;
  for (const [index, { line, endByte }] of whole.rows.entries()) {
    check(line >= 1 && line <= lines, 'a row has a line of the file');
    const { line: before = 0, endByte: start = 0 } = whole.rows[index - 1] ?? {};
    check(line > before && endByte > start && endByte <= file.length, 'rows follow each other');
  }
  const [header, ...rows] = whole.rows;
  if (header === undefined) return;
  for (const id of [undefined, header.fields[1]]) {
    const first = readRow(header, rows, id);
    check(isSame(readRow(header, rows, id), first), 'a file that is read again has the same rows');
    const ids = first.flatMap((row) => (row.kind === 'addition' ? [row.addition.requestId] : []));
    check(new Set(ids).size === ids.length, 'no two additions have the same id');
  }
}

async function readAll(chunks: readonly Buffer[]): Promise<Outcome> {
  const rows: Row[] = [];
  try {
    for await (const row of readRows(Readable.from(chunks), ',')) rows.push(row);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { rows, refusal: error.message };
  }
  return { rows, refusal: undefined };
}

function readRow(header: Row, rows: readonly Row[], id: string | undefined): ReadRow[] {
  const options = { amount: header.fields[0]?.trim() ?? '', id: id?.trim(), total: 'sales', file: 'x.csv' };
  try {
    const reader = new RowReader(header.fields, options);
    return rows.map((row) => reader.read(row));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [];
  }
}
