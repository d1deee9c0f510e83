// The rows of a CSV file as a stream (RFC 4180; byte order mark, CRLF or LF, quoted fields of several lines), each
// with the line of the file on which it begins. csv-parse's own line count takes a CRLF inside quotes for two lines
// and is that of a record's end, so lines are found from its byte positions, which are exact.

import { type Readable, pipeline } from 'node:stream';

import { type CsvError, type Info, parse } from 'csv-parse';

import { UsageError } from '../usage-error.ts';

export interface Row {
  /** Where the row begins; the header is line 1 unless blank lines precede it. */
  readonly line: number;
  readonly fields: readonly string[];
  /** Where the row ends, in bytes from the beginning of the file. */
  readonly endByte: number;
}

/** Longer than any sensible row: what a quote that is never closed runs into. */
const maxRowBytes = 2 ** 20;

/**
 * All rows that are not blank, the header among them.
 * @throws UsageError where the file stops being CSV: beyond a broken quote nobody can tell rows apart
 */
export async function* readRows(input: Readable, delimiter: string): AsyncGenerator<Row, void, undefined> {
  const lines = new LineIndex();
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    max_record_size: maxRowBytes,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  // An error of any part comes out of the parser, which is read below.
  pipeline(
    input,
    (source: AsyncIterable<Buffer>) => lines.watch(source),
    parser,
    () => undefined,
  );
  let end = 0;
  let blankLines = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      const line = lines.lineAt(end) + info.empty_lines - blankLines;
      end = info.bytes;
      blankLines = info.empty_lines;
      if (record.some((field) => field.trim() !== '')) yield { line, fields: record, endByte: end };
    }
  } catch (error) {
    if (!isCsvError(error)) throw error;
    const line = lines.lineAt(end);
    throw new UsageError(`not CSV from line ${line} on: ${reasons[error.code] ?? error.message}`);
  }
}

const reasons: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
  CSV_MAX_RECORD_SIZE: `a row of more than ${maxRowBytes} bytes, probably a quote that is never closed`,
  CSV_INVALID_CLOSING_QUOTE: 'a closing quote is followed by more text',
  INVALID_OPENING_QUOTE: 'a quote stands in the middle of a field that is not quoted',
};

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && 'code' in error && /^(CSV_|INVALID_)/.test(String(error.code));
}

/** Turns byte positions into lines, for the part of a file that was read and is not parsed yet. */
class LineIndex {
  #bytes = 0;
  #line = 1;
  /** Positions after each newline from `#first` on. */
  #starts: number[] = [];
  #first = 0;

  async *watch(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of source) {
      if (this.#bytes === 0 && /^(fffe|feff)/.test(chunk.toString('hex', 0, 2))) {
        throw new UsageError('the file is UTF-16: save it as UTF-8');
      }
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) {
        this.#starts.push(this.#bytes + at + 1);
      }
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  /** The line of a byte; bytes must be asked for in their order. */
  lineAt(byte: number): number {
    while ((this.#starts[this.#first] ?? Infinity) <= byte) {
      this.#first++;
      this.#line++;
    }
    if (this.#first > 10_000) {
      this.#starts = this.#starts.slice(this.#first);
      this.#first = 0;
    }
    return this.#line;
  }
}
