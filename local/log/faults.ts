// How a test tells the log to misbehave as a real one can: lose answers, duplicate, reorder, be late, go away. Only
// code that creates the log can hand it faults; nothing in the environment or on the wire reaches them, and the
// running product has none. test/faulty-log.ts starts a process with some.

import type { LogRecord, StoredRecord } from './record.ts';

/**
 * What the sink does with a record:
 * `answer` stores it and answers, `twice` stores it two times and answers, as a producer without idempotence does;
 * `store-and-hang-up` stores it and closes the connection without an answer; `hang-up` closes without storing.
 */
export type SinkFault = 'answer' | 'twice' | 'store-and-hang-up' | 'hang-up';

export interface Faults {
  /** Asked for each record that arrives; a promise delays it. */
  sink?(record: LogRecord): SinkFault | Promise<SinkFault>;
  /** The order in which records that were read together are delivered. */
  order?(records: readonly StoredRecord[]): readonly StoredRecord[];
  /** How many copies of a record are delivered at one time. */
  copies?(record: StoredRecord): number;
  /** Awaited before each attempt to deliver. */
  beforeDelivery?(record: StoredRecord, attempt: number): Promise<void>;
}
