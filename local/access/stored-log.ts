// The embedded log's file, read and written in its stead while it is stopped: the store's lock keeps the two apart.

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { Batcher } from '../../lib/batcher.ts';
import { AppError } from '../../lib/errors.ts';
import type { LogRecord, StoredRecord, Topic } from '../log/record.ts';
import { readPage } from '../log/records-page.ts';
import { Store, type Write } from '../log/store.ts';
import type { LogAccess, PartitionRange, ReadRange } from './log-access.ts';

const maxPageRecords = 1_000;

/**
 * @param path of a log.db, or of the directory that has it
 * @throws AppError `unavailable` while the log runs or when there is none, `damaged`
 */
export function openStoredLog(path: string): LogAccess {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isDirectory ? join(path, 'log.db') : path;
  // Opening it would make one.
  if (!existsSync(file)) throw new AppError('unavailable', `there is no ${file}: is it the right directory?`);
  try {
    return new StoredLog(file, new Store(file));
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'unavailable') throw cause;
    const advice = "stop that, or give --log the running log's address in place of its file";
    throw new AppError('unavailable', `${file} is in use by a log that runs: ${advice}`, { cause });
  }
}

class StoredLog implements LogAccess {
  readonly name: string;
  readonly #store: Store;
  readonly #writes: Batcher<Write, number | null>;

  constructor(name: string, store: Store) {
    this.name = name;
    this.#store = store;
    this.#writes = new Batcher((batch) => Promise.resolve(store.append(batch)), maxPageRecords);
  }

  partitions(topic: Topic): Promise<PartitionRange[]> {
    const firstOffset = this.#store.first(topic);
    const nextOffset = this.#store.next(topic);
    const committedOffset = topic === 'sums' ? this.#store.savedOffset : firstOffset;
    return Promise.resolve([{ partition: 0, firstOffset, nextOffset, committedOffset }]);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a file is read at once, what reads it cannot know
  async *read(topic: Topic, ranges: readonly ReadRange[]): AsyncGenerator<readonly StoredRecord[]> {
    for (const { partition, from, to } of ranges) {
      if (partition !== 0) continue;
      let next = from;
      while (next < to) {
        const page = readPage(this.#store, topic, next, Math.min(to - next, maxPageRecords)).filter(
          ({ offset }) => offset < to,
        );
        const last = page.at(-1);
        if (last === undefined) break;
        yield page;
        next = last.offset + 1;
      }
    }
  }

  async append(topic: Topic, record: LogRecord): Promise<void> {
    await this.#writes.submit({ topic, record });
  }

  async close(): Promise<void> {
    await this.#writes.settled();
    this.#store.close();
  }
}
