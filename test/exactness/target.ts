// What the exactness suite runs against: a whole system, wherever its parts run and whatever its log is. Nothing in
// this folder but the local system knows the test runner, so that the scenarios also run against a cluster.

import type { AddRequest } from '../../proto/generated/tally/v1/AddRequest.ts';
import type { Attempt } from './adder.ts';

/** A total as it is read over REST; 0 while nothing was added to it. */
export interface TotalState {
  readonly total: string;
  readonly count: number;
  /** Grows with every event that changes it. */
  readonly version: number;
}

/** A counted request as it is read over REST. */
export interface CountedRequest {
  readonly id: string;
  readonly total: string;
  readonly a: string;
  readonly b: string;
  readonly sum: string;
}

/** Something that can be done to the system at any time without a total becoming wrong. */
export interface Disturbance {
  /** What is done, as in `SIGKILL accumulate`. */
  readonly name: string;
  /** Whether processes end without warning; such disturbances may also happen at one time. */
  readonly isKill: boolean;
  /** Resolves once what was disturbed is ready again. */
  run(): Promise<void>;
}

export interface Target {
  /** How many addresses the add function has; others stand for these in turn. */
  readonly addresses: number;
  /**
   * Whether address 0 is always the same process, and address 1 another one that remembers only its last answer.
   * Behind a gateway an address is whichever process it chooses.
   */
  readonly addressesAreProcesses: boolean;
  /** The most requests that may be in flight at one time. */
  readonly atOnce: number;
  /** How long each caller of a load waits between two requests, in milliseconds. */
  readonly paceMs: number;
  readonly disturbances: readonly Disturbance[];
  /** One attempt, which never throws. */
  add(address: number, request: AddRequest, deadlineMs: number): Promise<Attempt>;
  total(name: string): Promise<TotalState>;
  /** The request as it was counted; undefined when it is not within `waitMs`. */
  find(requestId: string, waitMs: number): Promise<CountedRequest | undefined>;
  /** Waits until the log has delivered everything, which includes these requests, all acknowledged. */
  settled(requestIds: ReadonlySet<string>): Promise<void>;
  /** Takes the log away for as long as `during` runs. Undefined where that can't be done. */
  readonly withoutLog?: (during: () => Promise<void>) => Promise<void>;
}
