// One thing that the whole path must get right, and what came of it.

import type { Target } from './target.ts';

/** What a scenario did to the system, so that whoever owns the whole of it can account for every record. */
export interface Account {
  /** The name of the scenario's own total, what is in it, and how many requests that was. */
  readonly name: string;
  readonly total: string;
  readonly count: number;
  /** Attempts at an Add, and how many of them had no answer that settles anything. */
  readonly attempts: number;
  readonly unknown: number;
  /** The same by the name of their gRPC status. */
  readonly failures: Readonly<Record<string, number>>;
  /** How many records the log may hold of it, at least and at most. */
  readonly records: readonly [min: number, max: number];
  /** The ids of the events that must have ended in the dead letters. */
  readonly deadLetters: readonly string[];
}

export interface Scenario {
  /** A sentence that names the invariants. */
  readonly name: string;
  /** Whether anything is disturbed; else the first attempt of every request must succeed. */
  readonly isDisturbed: boolean;
  /** @throws AssertionError when an invariant does not hold */
  readonly run: (target: Target) => Promise<Account>;
  /** Whether the target offers what the scenario needs; it does unless this says otherwise. */
  readonly isOffered?: (target: Target) => boolean;
}
