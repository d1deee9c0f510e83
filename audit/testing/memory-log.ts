// A log in memory, of which a test decides every record, offset and time; the real logs are tried in test/.

import type { LogAccess, PartitionRange, ReadRange } from '../../local/access/log-access.ts';
import type { LogRecord, StoredRecord, Topic } from '../../local/log/record.ts';

interface Partition {
  readonly records: StoredRecord[];
  first: number;
  next: number;
  committed: number | undefined;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
}

export class MemoryLog implements LogAccess {
  readonly name = 'the log';
  readonly #topics: Readonly<Record<Topic, readonly Partition[]>>;
  /** Called before each page. */
  onRead: () => void = () => undefined;

  constructor(partitions: number) {
    const make = (): Partition[] =>
      Array.from({ length: partitions }, () => ({ records: [], first: 0, next: 0, committed: undefined }));
    this.#topics = { sums: make(), 'sums-dead-letter': make() };
  }

  store(
    topic: Topic,
    record: LogRecord,
    options: { partition?: number; timeMs?: number } = {},
  ): StoredRecord {
    const { partition = 0, timeMs = Date.now() } = options;
    const to = this.#of(topic, partition);
    const stored = { ...record, partition, offset: to.next++, timeMs };
    to.records.push(stored);
    return stored;
  }

  /** From here on nothing is known to be done with. */
  commit(): void {
    for (const partition of this.#topics.sums) partition.committed = partition.next;
  }

  /** Whether a record of the event is before the committed offset. */
  isDone(id: string): boolean {
    return this.#topics.sums.some(({ records, committed = Infinity }) =>
      records.some(({ headers, offset }) => headers['ce_id'] === id && offset < committed),
    );
  }

  /** Takes a record away as if it had never been there. */
  remove({ partition, offset }: Place): void {
    const { records } = this.#of('sums', partition);
    records.splice(
      records.findIndex((record) => record.offset === offset),
      1,
    );
  }

  /** As retention does: nothing before the offset is kept. */
  cut({ partition, offset }: Place): void {
    const from = this.#of('sums', partition);
    from.first = offset;
    from.records.splice(0, from.records.filter((record) => record.offset < offset).length);
  }

  partitions(topic: Topic): Promise<PartitionRange[]> {
    return Promise.resolve(
      this.#topics[topic].map(({ first, next, committed }, partition) => ({
        partition,
        firstOffset: first,
        nextOffset: next,
        committedOffset: topic === 'sums' ? (committed ?? next) : first,
      })),
    );
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- memory has nothing to wait for
  async *read(topic: Topic, ranges: readonly ReadRange[]): AsyncGenerator<readonly StoredRecord[]> {
    for (const { partition, from, to } of ranges) {
      const { records } = this.#of(topic, partition);
      const wanted = records.filter(({ offset }) => offset >= from && offset < to);
      for (let at = 0; at < wanted.length; at += 7) {
        this.onRead();
        yield wanted.slice(at, at + 7);
      }
    }
  }

  append(topic: Topic, record: LogRecord): Promise<void> {
    this.store(topic, record);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #of(topic: Topic, partition: number): Partition {
    const found = this.#topics[topic][partition];
    if (found === undefined) throw new Error(`there is no partition ${partition}`);
    return found;
  }
}
