// What a run is like, drawn from its seed: how large, how the parts are set, which kinds of faults it has and how often. Each
// kind is absent from many runs, so that the others come to corners that it would keep them from.

import type { Dice } from './dice.ts';
import type { fates } from './network.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export interface Profile {
  readonly adders: number;
  readonly accumulates: number;
  /** Distinct requests. */
  readonly requests: number;
  readonly totals: number;
  /** How long clients begin requests and things go wrong, beside what time leaps over. */
  readonly durationMs: number;
  /** The pids of the processes are their own; else all have the same, as in containers. */
  readonly hasOwnPids: boolean;

  readonly windowMs: number;
  readonly generationMaxEvents: number;
  readonly lockWaitMs: number;
  readonly maxInFlightBytes: number;

  readonly deliveryRetries: number;
  readonly deliveryBackoffMs: number;
  readonly deliveryTimeoutMs: number;
  readonly commitIntervalMs: number;
  readonly logRetentionMs: number;

  readonly sinkAttemptTimeoutMs: number;
  readonly sinkConnections: number;
  readonly addTimeoutMs: number;
  readonly maxInFlight: number;
  readonly streamWindow: number;
  readonly cacheEntries: number;
  readonly cacheAgeMs: number;

  /** About the time of one way. */
  readonly latencyMs: number;
  /** How many messages are late, by much. */
  readonly lateness: number;
  readonly fates: Readonly<Record<(typeof fates)[number], number>>;
  /** Disk operations between one that the process does not outlive and the next; also the others. */
  readonly diskCrashEvery: number;
  readonly diskErrorEvery: number;
  readonly preemptEvery: number;
  /** How long a message between two threads takes at the most. */
  readonly threadDelayMs: number;
  /** Of the crashes at the disk, those that are power cuts. */
  readonly powerCutShare: number;
  /** Of the commits, those between whose write and whose fsync the process ends. */
  readonly unsyncedShare: number;
  /** Of the commits that fail, those whose fsync does. */
  readonly fsyncShare: number;
  /** Time between the things that happen to the whole system; Infinity for never. */
  readonly every: Readonly<Record<Happening, number>>;
  readonly restartMs: number;
  /** By how much wall clocks are wrong from the start, and by how much they are set. */
  readonly skewMs: number;
  readonly jumpMs: number;
  /** How often, and how far at the most, everything stands still while time goes on. */
  readonly leaps: number;
  readonly leapMs: number;

  /** What the log does wrong by itself. */
  readonly logTwice: number;
  readonly logCopies: number;
  readonly logReorders: boolean;
  readonly logDelays: number;
  /** How often, of its starts, an operator has it deliver again from an earlier offset. */
  readonly rewinds: number;

  /** Of the requests: which come in other ways than `Add`, and which are not always the same. */
  readonly streamShare: number;
  readonly directShare: number;
  readonly batchShare: number;
  readonly sinkShare: number;
  readonly conflictShare: number;
  readonly oldShare: number;
  readonly undatedShare: number;
  /** How likely a client tries again after it does not know, and after it does. */
  readonly patience: number;
  readonly repeats: number;
  readonly readers: number;
}

export const happenings = [
  'kill',
  'rollout',
  'scale',
  'power cut',
  'full disk',
  'slow disk',
  'foreign lock',
  'partition',
  'clock jump',
] as const;
export type Happening = (typeof happenings)[number];

export function drawProfile(dice: Dice): Profile {
  const profile = drawAnything(dice);
  return dice.chance(0.1) ? setClocks(profile, dice) : profile;
}

/** Little goes wrong but for clocks: what they can do needs several of them, and many generations. */
function setClocks(profile: Profile, dice: Dice): Profile {
  const windowMs = dice.pick([hour, 3 * day]);
  return {
    ...profile,
    accumulates: 2,
    requests: 25,
    totals: 1,
    windowMs,
    generationMaxEvents: dice.integer(2, 5),
    lateness: 0,
    diskCrashEvery: Number.POSITIVE_INFINITY,
    diskErrorEvery: Number.POSITIVE_INFINITY,
    unsyncedShare: 0,
    every: { ...profile.every, 'clock jump': profile.durationMs / 4, kill: profile.durationMs / 3 },
    restartMs: 100,
    jumpMs: dice.pick([windowMs + day, 40 * day]),
    leaps: 0,
    directShare: 0.6,
    batchShare: 0,
    oldShare: 0.5,
    undatedShare: dice.pick([0, 0.3]),
    patience: 1,
    repeats: 0.6,
  };
}

function drawAnything(dice: Dice): Profile {
  /** A rate that many runs have none of. */
  const some = (min: number, max: number): number => (dice.chance(0.5) ? 0 : dice.magnitude(min, max));
  const rarely = (min: number, max: number): number =>
    dice.chance(0.55) ? Number.POSITIVE_INFINITY : dice.magnitude(min, max);
  const ms = (min: number, max: number): number => Math.round(dice.magnitude(min, max));
  const durationMs = ms(2 * second, 60 * second);
  const windowMs = dice.pick([10 * minute, hour, 6 * hour, 3 * day]);
  // What leaps over a window costs marks: only what carries its time can then still be judged.
  const leaps = dice.chance(0.5) ? 0 : dice.integer(1, 5);
  const often = (share: number): number => dice.magnitude(share * durationMs, 4 * durationMs);
  const happens = (probability: number, share = 0.1): number =>
    dice.chance(probability) ? often(share) : Number.POSITIVE_INFINITY;
  return {
    adders: dice.integer(1, 3),
    accumulates: dice.pick([1, 1, 2, 2, 3]),
    requests: Math.round(dice.magnitude(2, 30)),
    totals: dice.integer(1, 4),
    durationMs,
    hasOwnPids: dice.chance(0.5),

    windowMs,
    generationMaxEvents: dice.chance(0.3) ? 1_000 : dice.integer(1, 8),
    lockWaitMs: dice.pick([10, 200, 5_000]),
    maxInFlightBytes: dice.pick([4_096, 1_048_576, 33_554_432]),

    deliveryRetries: dice.integer(0, 8),
    deliveryBackoffMs: ms(1, 500),
    deliveryTimeoutMs: ms(200, 20_000),
    commitIntervalMs: ms(50, 20_000),
    logRetentionMs: dice.chance(0.5) ? ms(second, durationMs) : ms(second, windowMs / 3),

    sinkAttemptTimeoutMs: ms(20, 5_000),
    sinkConnections: dice.pick([1, 2, 64]),
    addTimeoutMs: ms(100, 30_000),
    maxInFlight: dice.pick([2, 10, 1_000]),
    streamWindow: dice.pick([1, 4, 256]),
    cacheEntries: dice.pick([2, 100_000]),
    cacheAgeMs: ms(100, 600_000),

    latencyMs: dice.magnitude(0.3, 50),
    lateness: some(0.005, 0.2),
    fates: {
      'lose request': some(0.005, 0.2),
      'lose answer': some(0.01, 0.3),
      silence: some(0.005, 0.1),
      'silent answer': some(0.005, 0.2),
      duplicate: some(0.01, 0.2),
      'cut body': some(0.005, 0.05),
      refuse: some(0.005, 0.1),
    },
    diskCrashEvery: rarely(15, 2_000),
    diskErrorEvery: rarely(30, 3_000),
    preemptEvery: rarely(2, 50),
    threadDelayMs: dice.pick([0.05, 5, 50]),
    powerCutShare: dice.pick([0, 0.5, 1]),
    unsyncedShare: some(0.005, 0.05),
    fsyncShare: dice.pick([0, 0.3, 1]),
    every: {
      kill: happens(0.5),
      rollout: happens(0.4),
      scale: happens(0.3),
      'power cut': happens(0.3),
      'full disk': happens(0.25),
      'slow disk': happens(0.25),
      'foreign lock': happens(0.25),
      partition: happens(0.3),
      'clock jump': happens(0.35, 0.1),
    },
    restartMs: ms(20, 10_000),
    skewMs: dice.chance(0.5) ? 0 : dice.magnitude(10, 8 * hour),
    jumpMs: dice.pick([40 * day, windowMs + day, dice.magnitude(second, 40 * day)]),
    leaps,
    leapMs: dice.chance(0.4) ? windowMs + 3 * day : dice.magnitude(windowMs / 4, windowMs + 2 * day),

    logTwice: some(0.01, 0.3),
    logCopies: some(0.02, 0.3),
    logReorders: dice.chance(0.5),
    logDelays: some(0.01, 0.5),
    rewinds: some(0.1, 1),

    streamShare: some(0.05, 0.7),
    directShare: some(0.05, 0.7),
    batchShare: some(0.1, 1),
    sinkShare: some(0.05, 0.3),
    conflictShare: some(0.05, 0.4),
    oldShare: some(0.05, 0.4),
    undatedShare: leaps > 0 ? 0 : some(0.1, 1),
    patience: dice.between(0.5, 1),
    repeats: dice.between(0, 0.5),
    readers: dice.integer(0, 3),
  };
}
