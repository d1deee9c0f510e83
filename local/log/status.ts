// The state of the log, as `GET /status` tells it, whatever keeps the records.

export interface LogStatus {
  /** Records of `sums` that are kept; delivered ones are removed after the retention time. */
  readonly records: number;
  /** Records of `sums` that are not known to be delivered or in the dead letters. */
  readonly lag: number;
  /** Records that this process is delivering, or that wait for their next attempt. */
  readonly inFlight: number;
  /** Records delivered by this process. */
  readonly delivered: number;
  /** Attempts of this process after a record's first one. */
  readonly redeliveries: number;
  /**
   * Dead letters that nobody is done with; on Kafka, where that is not known without reading them all, the records of
   * their topic, notes included.
   */
  readonly deadLetters: number;
  readonly subscriber: string;
  readonly draining: boolean;
}

/** Of the embedded log, which has one partition. */
export interface EmbeddedLogStatus extends LogStatus {
  readonly firstOffset: number;
  readonly nextOffset: number;
  /** Every record before it is delivered or in the dead letters. */
  readonly committedOffset: number;
  /** The committed offset on disk, where a restart after a crash begins. */
  readonly savedOffset: number;
}
