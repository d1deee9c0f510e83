// What the ledger's tests share: entries, a writer without its thread, and a clock that is told the time.

import { addDecimals, formatDecimal, parseDecimal } from '../../../lib/decimal.ts';
import { parseTotalName } from '../../../lib/names.ts';
import type { Entry, Total } from './entry.ts';
import { Reader } from './reader.ts';
import { verifyVolume } from './verify.ts';
import { type Retention, Volume } from './volume.ts';
import { Writer } from './writer.ts';

export const day = 86_400_000;
export const retention: Retention = { windowMs: 30 * day, maxEvents: 1_000_000 };

export function entry(
  id: string,
  a: string,
  options: { b?: string; total?: string; time?: number | null } = {},
): Entry {
  const [left, right] = [parseDecimal(a), parseDecimal(options.b ?? '0')];
  return {
    source: '/test',
    id,
    total: parseTotalName(options.total),
    a: formatDecimal(left),
    b: formatDecimal(right),
    sum: addDecimals(left, right),
    time: options.time ?? null,
  };
}

/** A writer on `directory` as one process has it. */
export class TestLedger {
  now: number;
  /** How far `now` was set ahead of what the monotonic clock says. */
  jumpMs = 0;
  readonly volume: Volume;
  readonly writer: Writer;
  readonly directory: string;

  constructor(directory: string, options: Retention = retention, now = Date.now()) {
    this.now = now;
    this.directory = directory;
    this.volume = new Volume(directory, 'write', this.now);
    this.volume.newest.db.exec('PRAGMA synchronous = OFF');
    this.writer = new Writer(this.volume, {
      retention: options,
      lockWaitMs: 100,
      now: () => this.now,
      monotonicNow: () => this.now - this.jumpMs,
    });
  }

  /** Applies single events; gives the outcome or refusal of each. */
  apply(...entries: Entry[]): string[] {
    return this.writer
      .apply(entries.map((single) => [single]))
      .map((result) => ('refused' in result ? result.refused : (result.outcomes[0] ?? '')));
  }

  /** The total's text and count as a reader of its own sees them. */
  read(name = 'default'): Pick<Total, 'total' | 'count'> | undefined {
    const reader = new Reader(this.directory);
    try {
      const total = reader.total(parseTotalName(name));
      return total === undefined ? undefined : { total: total.total, count: total.count };
    } finally {
      reader.close();
    }
  }

  problems(): readonly string[] {
    return verifyDirectory(this.directory);
  }

  close(): void {
    this.volume.close();
  }
}

/** What `tally verify` finds. */
export function verifyDirectory(directory: string): readonly string[] {
  const volume = new Volume(directory, 'read');
  try {
    return verifyVolume(volume, () => undefined).problems;
  } finally {
    volume.close();
  }
}
