// Rebuilds every total from the log, with code of its own, and compares it with what the ledger has counted, while both
// go on. What is compared is a cut through the two (log-cut.ts, ledger.ts); what is said holds up to there.

import { tmpdir } from 'node:os';

import { AppError } from '../lib/errors.ts';
import type { LogAccess } from '../local/access/log-access.ts';
import type { StoredRecord } from '../local/log/record.ts';
import {
  type EventState,
  groupEntries,
  identityOf,
  packEvent,
  packRecord,
  type RecordState,
} from './entry.ts';
import { Findings, type Listed } from './findings.ts';
import type { TotalDifference } from './accounts.ts';
import { type Kind, kinds } from './judge.ts';
import { LedgerCut } from './ledger.ts';
import { Letters } from './letters.ts';
import { type ComparedPartition, keptSince, LogCut } from './log-cut.ts';
import { knownId, readEvent } from './record-event.ts';
import { Spill } from './spill.ts';

export interface AuditOptions {
  /** Judge only what was stored or counted from then on, Unix milliseconds. */
  readonly sinceMs?: number;
  /** Sources that post to accumulate, past the log: their events need no record. */
  readonly directSources?: readonly string[];
  /** How many differences of each kind are listed. */
  readonly limit?: number;
  /** For temporary files. */
  readonly tempDir?: string;
  /** Is told now and then how far it is. */
  readonly onProgress?: (what: string, done: number, of: number) => void;
}

export interface Audit {
  readonly isEqual: boolean;
  readonly log: {
    readonly name: string;
    readonly partitions: readonly ComparedPartition[];
    readonly records: number;
    /** Events that can never be counted, and how many of them are in no dead letter either. */
    readonly notValid: number;
    readonly notValidAndLost: number;
    readonly deadLetters: number;
    /** Records that the log is not done with, so that nothing is missing yet, and when the oldest was stored, RFC 3339. */
    readonly waiting: { readonly records: number; readonly since: string | null };
  };
  readonly ledger: {
    readonly directory: string;
    /** The number of the last event. */
    readonly seq: number;
    readonly events: number;
    readonly totals: number;
  };
  /** From when on was judged, RFC 3339; null for all. */
  readonly since: string | null;
  /** Ids by what is so of them; those with a difference are in `differences`. */
  readonly ids: Readonly<
    Record<'counted' | 'countedBefore' | 'direct' | 'deadLetters' | 'inFlight' | 'notJudged', number>
  >;
  readonly differences: Readonly<Record<Kind, Listed>>;
  /** The totals that are not what they should be. */
  readonly totals: readonly TotalDifference[];
}

const progressEvery = 10_000;

/** How far an event's time may be ahead of when it is counted. */
const maxAheadMs = 86_400_000;

/**
 * @param directory accumulate's volume; a copy that lags behind the log would lack what came since
 * @throws AppError when it can't be judged or read; the message says what to do
 */
export async function audit(log: LogAccess, directory: string, options: AuditOptions = {}): Promise<Audit> {
  // In this order: see log-cut.ts.
  const before = await log.partitions('sums');
  const ledger = LedgerCut.take(directory);
  try {
    const cut = await LogCut.take(log, before);
    requireWholeLedger(ledger, options.sinceMs);
    await requireWholeLog(log, cut.partitions, options.sinceMs);
    const spill = new Spill(options.tempDir ?? tmpdir(), cut.records + ledger.events);
    try {
      return await new Run(log, ledger, cut, spill, directory, options).run();
    } finally {
      spill.close();
    }
  } finally {
    ledger.close();
  }
}

class Run {
  readonly #log: LogAccess;
  readonly #ledger: LedgerCut;
  readonly #cut: LogCut;
  readonly #spill: Spill;
  readonly #directory: string;
  readonly #options: AuditOptions;
  readonly #since: number;
  readonly #letters = new Letters();
  readonly #findings: Findings;
  #records = 0;
  #notValid = 0;
  #notValidAndLost = 0;
  #waiting = 0;
  #waitingSince = Infinity;
  #events = 0;

  constructor(
    log: LogAccess,
    ledger: LedgerCut,
    cut: LogCut,
    spill: Spill,
    directory: string,
    options: AuditOptions,
  ) {
    this.#log = log;
    this.#ledger = ledger;
    this.#cut = cut;
    this.#spill = spill;
    this.#directory = directory;
    this.#options = options;
    this.#since = options.sinceMs ?? -Infinity;
    this.#findings = new Findings(options.limit ?? 100);
  }

  async run(): Promise<Audit> {
    await this.#readLetters();
    await this.#readRecords();
    this.#readLedger();
    // Retention may have gone on meanwhile.
    await requireWholeLog(this.#log, await this.#log.partitions('sums'), this.#options.sinceMs);
    this.#compare();
    return this.#result();
  }

  async #readLetters(): Promise<void> {
    for await (const page of this.#log.read('sums-dead-letter', this.#cut.letters)) {
      for (const record of page) {
        const origin = this.#letters.add(record);
        if (origin !== undefined) this.#setAside({ ...record, ...origin }, 'dead-letter');
      }
    }
  }

  async #readRecords(): Promise<void> {
    const of = this.#cut.ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    for await (const page of this.#log.read('sums', this.#cut.ranges)) {
      for (const record of page) {
        const state = this.#stateOf(record);
        if (this.#setAside(record, state)) continue;
        this.#notValid++;
        if (state === 'due') this.#notValidAndLost++;
      }
      this.#records += page.length;
      this.#say('records of the log', this.#records, of, page.length);
    }
  }

  #stateOf(record: StoredRecord): RecordState {
    const isWaiting = record.offset >= this.#cut.committedOf(record.partition);
    if (isWaiting) {
      this.#waiting++;
      this.#waitingSince = Math.min(this.#waitingSince, record.timeMs);
    }
    if (this.#letters.has(record)) return 'dead-letter';
    if (isWaiting) return 'in-flight';
    return record.timeMs >= this.#since && !this.#mayBeOfRemovedFile(record) ? 'due' : 'early';
  }

  /** A late repetition of what was counted in a file that the ledger has removed since: its event's time tells. */
  #mayBeOfRemovedFile({ headers }: StoredRecord): boolean {
    const { events, seq, openedAt } = this.#ledger;
    return events < seq && Date.parse(headers['ce_time'] ?? '') <= openedAt + maxAheadMs;
  }

  /** @returns false when the record holds no valid event */
  #setAside(record: StoredRecord, state: RecordState): boolean {
    const event = readEvent(record);
    if (event === undefined) return false;
    const { partition, offset } = record;
    this.#spill.add(identityOf(event), packRecord({ ...event, state, partition, offset }));
    return true;
  }

  #readLedger(): void {
    const { accounts } = this.#findings;
    for (const total of this.#ledger.opening) accounts.addOpening(total);
    for (const total of this.#ledger.totals) accounts.addStored(total);
    for (const page of this.#ledger.pages()) {
      for (const event of page) {
        accounts.addEvent(event);
        const known = { ...event, id: knownId(event.source, event.id), state: this.#eventState(event) };
        this.#spill.add(identityOf(known), packEvent(known));
      }
      this.#events += page.length;
      this.#say('events of the ledger', this.#events, this.#ledger.events, page.length);
    }
  }

  #eventState({ source, appliedAt }: { source: string; appliedAt: number }): EventState {
    if (appliedAt < this.#since) return 'early';
    return this.#options.directSources?.includes(source) === true ? 'direct' : 'counted';
  }

  #compare(): void {
    for (let bucket = 0; bucket < this.#spill.buckets; bucket++) {
      for (const group of groupEntries(this.#spill.read(bucket))) this.#findings.add(group);
      this.#options.onProgress?.('parts compared', bucket + 1, this.#spill.buckets);
    }
  }

  #result(): Audit {
    const findings = this.#findings;
    const totals = findings.accounts.differences();
    const differences = Object.fromEntries(kinds.map((kind) => [kind, findings.differences(kind)])) as Record<
      Kind,
      Listed
    >;
    return {
      isEqual: totals.length === 0 && kinds.every((kind) => differences[kind].count === 0),
      log: {
        name: this.#log.name,
        partitions: this.#cut.partitions,
        records: this.#records,
        notValid: this.#notValid,
        notValidAndLost: this.#notValidAndLost,
        deadLetters: this.#letters.count,
        waiting: {
          records: this.#waiting,
          since: this.#waiting === 0 ? null : time(this.#waitingSince),
        },
      },
      ledger: {
        directory: this.#directory,
        seq: this.#ledger.seq,
        events: this.#events,
        totals: this.#ledger.totals.length,
      },
      since: this.#options.sinceMs === undefined ? null : time(this.#options.sinceMs),
      ids: {
        counted: findings.standing('counted'),
        countedBefore: findings.standing('counted-before'),
        direct: findings.standing('direct'),
        deadLetters: findings.standing('dead-letter'),
        inFlight: findings.standing('in-flight'),
        notJudged: findings.standing('not-judged'),
      },
      differences,
      totals,
    };
  }

  #say(what: string, done: number, of: number, step: number): void {
    const isDue = Math.floor(done / progressEvery) > Math.floor((done - step) / progressEvery);
    if (isDue || done === of) this.#options.onProgress?.(what, done, of);
  }
}

const how = 'Judge a part by --since TIME';

/** @throws AppError `refused` when events that were to be judged are in no file any more */
function requireWholeLedger({ seq, events, openedAt }: LedgerCut, sinceMs: number | undefined): void {
  if (events === seq || (sinceMs !== undefined && sinceMs >= openedAt)) return;
  throw new AppError(
    'refused',
    `the ledger has removed events that were too old to come again: it keeps those counted since ${time(openedAt)}. ` +
      `${how}, with that time or a later one`,
  );
}

/** @throws AppError `refused` when records that were to be judged are not in the log any more */
async function requireWholeLog(
  log: LogAccess,
  partitions: Parameters<typeof keptSince>[1],
  sinceMs: number | undefined,
): Promise<void> {
  if (partitions.every(({ firstOffset }) => firstOffset === 0)) return;
  const kept = await keptSince(log, partitions);
  if (sinceMs !== undefined && sinceMs >= (kept ?? -Infinity)) return;
  const since = kept === undefined ? '' : `: its oldest one is of ${time(kept)}`;
  throw new AppError(
    'refused',
    `the log has removed records${since}, so what was counted before cannot be compared. ${how}, with a time that is ` +
      'later than that by as long as a record may have waited until it was counted',
  );
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
