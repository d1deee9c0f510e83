// The embedded log while it runs, over HTTP: its pages give the records, its sink takes them.

import { setTimeout as wait } from 'node:timers/promises';

import { Agent } from 'undici';

import { AppError, messageOf, toAppError } from '../../lib/errors.ts';
import { type LogRecord, maxRecordBytes, recordBytes, type StoredRecord, type Topic } from '../log/record.ts';
import type { StoredItem, StoredPage } from '../log/records-page.ts';
import type { EmbeddedLogStatus, LogStatus } from '../log/status.ts';
import type { LogAccess, PartitionRange, ReadRange } from './log-access.ts';
import { type SinkRequest, toSinkRequest } from './sink-request.ts';

const maxPageRecords = 500;
const timeoutMs = 30_000;
/** As many as are worth having: the log stores what comes together in one transaction. */
const maxConnections = 64;
const appendAttempts = 6;
const firstPauseMs = 100;
/** Which page shows a topic. */
const paths: Readonly<Record<Topic, string>> = { sums: 'records', 'sums-dead-letter': 'dead-letters' };

/** @throws AppError `unavailable` when nothing answers, `refused` when it is something else or Kafka has its records */
export async function openRunningLog(url: URL): Promise<LogAccess> {
  const log = new RunningLog(url);
  try {
    await log.check();
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}

class RunningLog implements LogAccess {
  readonly name: string;
  readonly #base: URL;
  readonly #agent = new Agent({
    connections: maxConnections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });

  constructor(url: URL) {
    this.name = url.href.replace(/\/$/, '');
    this.#base = new URL(`${this.name}/`);
  }

  async partitions(topic: Topic): Promise<PartitionRange[]> {
    if (topic === 'sums') {
      const { firstOffset, nextOffset, committedOffset } = await this.#getJson<EmbeddedLogStatus>('status');
      return [{ partition: 0, firstOffset, nextOffset, committedOffset }];
    }
    const { firstOffset, nextOffset } = await this.#page(topic, 0, 1);
    return [{ partition: 0, firstOffset, nextOffset, committedOffset: firstOffset }];
  }

  async *read(topic: Topic, ranges: readonly ReadRange[]): AsyncGenerator<readonly StoredRecord[]> {
    for (const { partition, from, to } of ranges) {
      if (partition !== 0) continue;
      let next: number | null = from;
      while (next !== null && next < to) {
        const page: StoredPage = await this.#page(topic, next, Math.min(to - next, maxPageRecords));
        const items = page.items.filter(({ offset }) => offset < to);
        if (items.length > 0) yield items.map(toRecord);
        next = page.next;
      }
    }
  }

  /**
   * Tried again while the log is busy or being started: what may be stored twice counts once (I2).
   * @throws AppError `too-large` for a record that its answer, 503 as for any other failure, would not tell from those
   */
  async append(topic: Topic, record: LogRecord): Promise<void> {
    const bytes = recordBytes(record);
    if (bytes > maxRecordBytes) {
      throw new AppError('too-large', `a record may have ${maxRecordBytes} bytes, it has ${bytes}`);
    }
    const request = { method: 'POST', ...toSinkRequest(record) } as const;
    for (let attempt = 1; ; attempt++) {
      const problem = await this.#send(`default/${topic}`, request).then(
        ({ status }) => (status === 202 ? undefined : this.#refusal(status)),
        toAppError,
      );
      if (problem === undefined) return;
      if (!problem.retryable || attempt === appendAttempts) throw problem;
      await wait(firstPauseMs * 2 ** (attempt - 1));
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** @throws AppError `refused` where it is no embedded log */
  async check(): Promise<void> {
    const status = await this.#getJson<Partial<LogStatus & { group: string }>>('status');
    if (typeof status.lag !== 'number') throw this.#wrongServer();
    if (status.group === undefined) return;
    const instead = 'set KAFKA_BROKERS, and what else of KAFKA_… the log has, in place of its address';
    throw new AppError('refused', `the log at ${this.name} keeps its records in Kafka: ${instead}`);
  }

  async #getJson<T>(path: string): Promise<T> {
    const { status, type, text } = await this.#send(path, { method: 'GET' });
    const isProblem = type.startsWith('application/problem+json');
    if (status !== 200 && !isProblem) throw this.#wrongServer();
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch (cause) {
      throw this.#wrongServer(cause);
    }
    if (!isProblem) return answer as T;
    if (status === 404) throw this.#wrongServer();
    const { detail } = answer as { readonly detail?: string };
    throw new AppError(status === 503 ? 'damaged' : 'internal', `${this.name}: ${String(detail)}`);
  }

  #wrongServer(cause?: unknown): AppError {
    return new AppError('refused', `${this.name} is not Tally's log: see --log and LOG_URL`, { cause });
  }

  #refusal(status: number): AppError {
    return status === 503
      ? new AppError('unavailable', `${this.name} cannot store records now (503): see what it logs`)
      : new AppError('refused', `${this.name} refused a record with ${status}: see what it logs`);
  }

  async #page(topic: Topic, from: number, limit: number): Promise<StoredPage> {
    const page = await this.#getJson<StoredPage>(`${paths[topic]}?as=stored&from=${from}&limit=${limit}`);
    // An earlier version's log takes no notice of `as`.
    if (typeof page.nextOffset !== 'number') {
      throw new AppError('refused', `the log at ${this.name} is of an older version: update it`);
    }
    return page;
  }

  async #send(
    path: string,
    request: Partial<SinkRequest> & { readonly method: 'GET' | 'POST' },
  ): Promise<{ status: number; type: string; text: string }> {
    const { origin, pathname, search } = new URL(path, this.#base);
    try {
      const answer = await this.#agent.request({ ...request, origin, path: `${pathname}${search}` });
      const type = String(answer.headers['content-type'] ?? '');
      return { status: answer.statusCode, type, text: await answer.body.text() };
    } catch (cause) {
      const advice = 'does it run? --log may also be its data directory, while it is stopped';
      // An AggregateError (one for each address of the host) has its reason in the code only.
      const reason = messageOf(cause) || String((cause as NodeJS.ErrnoException).code);
      throw new AppError('unavailable', `no answer from ${this.name}: ${reason} (${advice})`, { cause });
    }
  }
}

function toRecord({ partition, offset, timeMs, key, headers, ...value }: StoredItem): StoredRecord {
  return { partition, offset, timeMs, key, headers, value: readValue(value) };
}

function readValue(value: { readonly data: string | null } | { readonly dataBase64: string }): Buffer | null {
  if ('dataBase64' in value) return Buffer.from(value.dataBase64, 'base64');
  return value.data === null ? null : Buffer.from(value.data);
}
