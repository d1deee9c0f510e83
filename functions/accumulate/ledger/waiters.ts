// Those who wait for an event to be counted. One look reads what was counted since the last look, however many wait;
// it follows each commit of this process at once and those of others within some milliseconds.

import { AppError, toAppError } from '../../../lib/errors.ts';
import type { StoredEntry } from './entry.ts';
import type { Reader } from './reader.ts';

const lookIntervalMs = 50;
const maxEntriesPerLook = 10_000;
/** The most that wait at one time. */
const maxWaiters = 10_000;

type Answer = (entry: StoredEntry | undefined, error?: unknown) => void;

export class Waiters {
  readonly #reader: Reader;
  readonly #waiting = new Map<string, Set<Answer>>();
  #count = 0;
  #seenSeq = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** @throws AppError `overloaded` when too many wait already */
  waitFor(source: string, id: string, waitMs: number, signal: AbortSignal): Promise<StoredEntry | undefined> {
    if (this.#count >= maxWaiters)
      throw new AppError('overloaded', `${maxWaiters} requests are waiting already`);
    if (this.#count === 0) this.#seenSeq = this.#reader.lastSeq();
    const found = this.#reader.find(source, id);
    if (found !== undefined || waitMs === 0 || signal.aborted) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const key = `${source}\n${id}`;
      const stop: Answer = (entry, error) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#remove(key, stop);
        if (error === undefined) resolve(entry);
        else reject(toAppError(error));
      };
      const abort = (): void => {
        stop(undefined);
      };
      const timer = setTimeout(abort, waitMs);
      signal.addEventListener('abort', abort);
      this.#add(key, stop);
    });
  }

  /** Looks at what was counted since the last look. */
  look(): void {
    if (this.#count === 0) return;
    try {
      for (const entry of this.#reader.entriesAfter(this.#seenSeq, maxEntriesPerLook)) {
        this.#seenSeq = entry.seq;
        for (const answer of this.#waiting.get(`${entry.source}\n${entry.id}`) ?? []) answer(entry);
      }
    } catch (error) {
      this.#answerAll(error);
    }
  }

  /** Sends everybody away, to ask again elsewhere. */
  close(): void {
    this.#answerAll(new AppError('unavailable', 'shutting down: ask again'));
  }

  #answerAll(error: unknown): void {
    for (const answers of this.#waiting.values()) for (const answer of answers) answer(undefined, error);
  }

  #add(key: string, answer: Answer): void {
    const answers = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, answers.add(answer));
    this.#count++;
    this.#timer ??= setInterval(() => {
      this.look();
    }, lookIntervalMs);
  }

  #remove(key: string, answer: Answer): void {
    const answers = this.#waiting.get(key);
    if (answers?.delete(answer) !== true) return;
    if (answers.size === 0) this.#waiting.delete(key);
    this.#count--;
    if (this.#count > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
