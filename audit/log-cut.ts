// What of the log is compared: up to which offset it was done with before the ledger was looked at, and up to which
// offset it has everything that the ledger then had. Whatever is counted was recorded before, and whatever is done with
// was counted before, or is a dead letter: so both directions can be judged while everything goes on.

import type { LogAccess, PartitionRange, ReadRange } from '../local/access/log-access.ts';

/** A partition of `sums`, as it is compared. */
export interface ComparedPartition {
  readonly partition: number;
  readonly firstOffset: number;
  /** Records before it have to be counted. */
  readonly committedOffset: number;
  /** Records before it are looked for. */
  readonly nextOffset: number;
}

export class LogCut {
  readonly partitions: readonly ComparedPartition[];
  /** Of the dead letters. */
  readonly letters: readonly ReadRange[];

  private constructor(partitions: readonly ComparedPartition[], letters: readonly ReadRange[]) {
    this.partitions = partitions;
    this.letters = letters;
  }

  /**
   * @param before the partitions as they were before the ledger was looked at; this is called after that
   */
  static async take(log: LogAccess, before: readonly PartitionRange[]): Promise<LogCut> {
    const committed = new Map(before.map(({ partition, committedOffset }) => [partition, committedOffset]));
    const partitions = await log.partitions('sums');
    const letters = await log.partitions('sums-dead-letter');
    return new LogCut(
      partitions.map(({ partition, firstOffset, nextOffset }) => ({
        partition,
        firstOffset,
        committedOffset: Math.max(firstOffset, committed.get(partition) ?? 0),
        nextOffset,
      })),
      letters.map(({ partition, firstOffset, nextOffset }) => ({
        partition,
        from: firstOffset,
        to: nextOffset,
      })),
    );
  }

  get ranges(): ReadRange[] {
    return this.partitions.map(({ partition, firstOffset, nextOffset }) => ({
      partition,
      from: firstOffset,
      to: nextOffset,
    }));
  }

  /** About how many records will be read. */
  get records(): number {
    return [...this.ranges, ...this.letters].reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** The offset before which the partition's records have to be counted. */
  committedOf(partition: number): number {
    return this.partitions.find((compared) => compared.partition === partition)?.committedOffset ?? 0;
  }
}

/** How many records at the beginning of a partition are looked at for its oldest. */
const beginning = 100;

/**
 * Since when the log has every record: the time of its oldest record where retention has removed some, the latest of the
 * partitions'. Undefined where nothing was removed, and where nothing is left that says when.
 */
export async function keptSince(
  log: LogAccess,
  partitions: readonly PartitionRange[],
): Promise<number | undefined> {
  const ranges = partitions
    .filter(({ firstOffset, nextOffset }) => firstOffset > 0 && nextOffset > firstOffset)
    .map(({ partition, firstOffset, nextOffset }) => ({
      partition,
      from: firstOffset,
      to: Math.min(nextOffset, firstOffset + beginning),
    }));
  const oldest = new Map<number, number>();
  if (ranges.length === 0) return undefined;
  for await (const page of log.read('sums', ranges)) {
    for (const { partition, timeMs } of page) {
      if (!oldest.has(partition)) oldest.set(partition, timeMs);
    }
  }
  return oldest.size === 0 ? undefined : Math.max(...oldest.values());
}
