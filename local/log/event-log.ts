// The embedded event log: what Kafka, a KafkaSink and a KafkaSource are in a cluster, in one process. Records come in
// through the sink, are on disk before they are acknowledged (I1), and are delivered at least once to the subscriber;
// what can't be delivered is kept in the dead letters.

import type { Server } from 'node:http';
import { join } from 'node:path';

import { Batcher } from '../../lib/batcher.ts';
import { closeServer } from '../../lib/http.ts';
import type { Log } from '../../lib/log.ts';
import { isFsyncFailure } from '../../lib/sqlite.ts';
import type { LogConfig } from './config.ts';
import { deadLetterOf } from './dead-letter.ts';
import { Deliverer } from './deliverer.ts';
import type { Faults } from './faults.ts';
import { Housekeeping } from './housekeeping.ts';
import { createMetrics } from './metrics.ts';
import { OpenLetters } from './open-letters.ts';
import { createPages } from './pages.ts';
import { createRecordPages } from './records-page.ts';
import { createServer } from './server.ts';
import { Source } from './source.ts';
import type { EmbeddedLogStatus } from './status.ts';
import { Store, type Write } from './store.ts';
import { Subscriber } from './subscriber.ts';

/** The most records of one transaction, so that a backlog of writes still lets others have their turn. */
const maxBatchRecords = 1_000;

export interface EventLog {
  /** The sink's server, not listening yet. */
  readonly server: Server;
  /** Begins to deliver. */
  start(): void;
  status(): EmbeddedLogStatus;
  /** Refuses new records, lets attempts in flight finish, saves the offset, closes. */
  drain(): Promise<void>;
}

export interface EventLogOptions {
  readonly config: Omit<LogConfig, 'port' | 'host'>;
  readonly log: Log;
  /** Told of a log that can no longer be read or trusted: the process has to end and begin anew. */
  readonly fail: (error: unknown) => void;
  /** How to misbehave, for tests. */
  readonly faults?: Faults;
}

/**
 * Opens the log in its data directory.
 * @throws Error when another process has it, AppError `damaged` when it is damaged; each says what to do
 */
export function createEventLog({ config, log, fail, faults = {} }: EventLogOptions): EventLog {
  const store = new Store(join(config.dataDir, 'log.db'));
  const openLetters = new OpenLetters(store.openLetters());
  const destination = config.subscriber.href;
  let isFailing = false;
  let draining = false;

  const writes = new Batcher<Write, number | null>((batch) => {
    try {
      const offsets = store.append(batch);
      for (const [index, write] of batch.entries()) openLetters.follow(write, offsets[index] ?? null);
      if (isFailing) log.info('records are stored again');
      isFailing = false;
      // After the answers to this batch.
      setImmediate(() => {
        source.poll();
      });
      return Promise.resolve(offsets);
    } catch (error) {
      if (isFsyncFailure(error)) fail(error);
      // Said once, not for each record that a full disk refuses.
      if (!isFailing) log.error({ err: error }, 'records cannot be stored: answering 503');
      isFailing = true;
      throw error;
    }
  }, maxBatchRecords);

  const deliverer = new Deliverer({
    subscriber: new Subscriber(config.subscriber, config.delivery.timeoutMs, config.subscriberTokenFile),
    policy: config.delivery,
    bury: async (record, outcome) => {
      const write: Write = {
        topic: 'sums-dead-letter',
        record: deadLetterOf(record, destination, outcome),
        origin: record.offset,
      };
      await writes.submit(write);
    },
    log,
    faults,
  });
  const source = new Source({ store, deliverer, fail, faults });

  const status = (): EmbeddedLogStatus => {
    const firstOffset = store.first('sums');
    const nextOffset = store.next('sums');
    const committedOffset = source.committed;
    return {
      records: nextOffset - firstOffset,
      lag: nextOffset - committedOffset,
      firstOffset,
      nextOffset,
      committedOffset,
      savedOffset: store.savedOffset,
      inFlight: deliverer.inFlight,
      delivered: deliverer.delivered,
      redeliveries: deliverer.redeliveries,
      deadLetters: openLetters.count,
      subscriber: destination,
      draining,
    };
  };

  const metrics = createMetrics({ status, isReady: () => !draining, directory: config.dataDir });
  const server = createServer({
    store: (topic, record) => writes.submit({ topic, record }),
    page: createPages({ status, metrics, isDraining: () => draining, more: createRecordPages(store) }),
    isDraining: () => draining,
    maxQueuedRequests: config.maxQueuedRequests,
    maxQueuedBytes: config.maxQueuedBytes,
    metrics,
    log,
    faults,
  });

  const housekeeping = new Housekeeping({ store, committed: () => source.committed, config, log, fail });

  return {
    server,
    status,
    start: () => {
      source.start();
      housekeeping.start();
    },
    drain: async () => {
      draining = true;
      housekeeping.stop();
      await deliverer.stop(config.drainGraceMs);
      housekeeping.saveOffset();
      await closeServer(server);
      store.close();
    },
  };
}
