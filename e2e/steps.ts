// What is done to an installed Tally, in order. After each step the total is exact.

import assert from 'node:assert/strict';

import { Caller } from '../test/exactness/caller.ts';
import { disturbed, randomKills } from '../test/exactness/disturbed.ts';
import { Load } from '../test/exactness/load.ts';
import type { Account, Scenario } from '../test/exactness/scenario.ts';
import { scenarios } from '../test/exactness/scenarios.ts';
import type { Target } from '../test/exactness/target.ts';
import type { ClusterLog } from './cluster-log.ts';
import { disturbanceNames } from './cluster-target.ts';
import type { Options } from './options.ts';
import type { Pods } from './pods.ts';

/** The autoscaler's window and grace, and what the last pods take to end. */
const toZeroMs = 420_000;
const fromZeroMs = 120_000;
const scaleOutMs = 240_000;
const workersForPod = 12;
const requestsAtScale = 500;

export interface Seen {
  readonly account?: Account;
  readonly note?: string;
  /** When it is not the whole step that counts. */
  readonly seconds?: number;
}

export interface Step {
  readonly name: string;
  readonly run: () => Promise<Seen>;
}

export interface System {
  readonly target: Target;
  readonly pods: Pods;
  readonly log: ClusterLog | undefined;
  readonly hasLogPod: boolean;
}

/** @param accounts of the steps so far, which the last one adds up */
export function createSteps(options: Options, system: System, accounts: readonly Account[]): Step[] {
  const { target, pods, log } = system;
  const disturbances = [
    ...disturbanceNames(system.hasLogPod).map(disturbed),
    ...(options.kills > 0 ? [randomKills(options.kills, options.seed)] : []),
  ];
  const toZero = async (): Promise<Seen> => {
    await pods.untilNone('add', toZeroMs);
    return {};
  };
  return [
    ...scenarios.map((scenario) => stepOf(scenario, target)),
    { name: 'add goes to zero', run: toZero },
    { name: 'add comes from zero: the first Add is answered', run: () => addFromZero(target, pods) },
    {
      name: `add goes to ${options.pods} pods under load`,
      run: () => scaleOut(target, pods, options),
    },
    { name: 'add goes back to zero', run: toZero },
    ...disturbances.map((scenario) => stepOf(scenario, target)),
    ...(log === undefined ? [] : [{ name: 'all of it, in the log', run: () => sumUp(log, accounts) }]),
  ];
}

function stepOf(scenario: Scenario, target: Target): Step {
  const isOffered = scenario.isOffered?.(target) ?? true;
  return {
    name: scenario.name,
    run: async () => (isOffered ? { account: await scenario.run(target) } : { note: 'not offered here' }),
  };
}

async function addFromZero(target: Target, pods: Pods): Promise<Seen> {
  assert.equal(pods.up('add').length, 0, 'add is at zero');
  const caller = new Caller(target, 'from-zero');
  const begun = performance.now();
  await caller.add({ a: '1' }, () => ({ address: 0, withinMs: fromZeroMs, pauseMs: 50 }));
  const seconds = (performance.now() - begun) / 1_000;
  return { account: await caller.settle('1'), seconds };
}

async function scaleOut(target: Target, pods: Pods, options: Options): Promise<Seen> {
  const workers = Math.min(target.atOnce, options.pods * workersForPod);
  const load = new Load({ ...target, paceMs: 0 }, 'scale-out', options.seed, workers);
  const begun = performance.now();
  try {
    await pods.untilUp('add', options.pods, scaleOutMs);
    const seconds = (performance.now() - begun) / 1_000;
    await load.grow(requestsAtScale);
    return { account: await load.stop(), note: `${options.pods} pods after ${seconds.toFixed(1)} s` };
  } catch (error) {
    await load.abandon();
    throw error;
  }
}

/** The namespace has a log of its own, so what is in it comes from these steps. */
async function sumUp(log: ClusterLog, accounts: readonly Account[]): Promise<Seen> {
  const status = await log.status();
  assert.ok(status, 'the log cannot be asked');
  const { records, lag, deadLetters } = status;
  const least = accounts.reduce((sum, account) => sum + account.records[0], 0);
  const expected = accounts.reduce((sum, account) => sum + account.deadLetters.length, 0);
  assert.ok(records >= least, `the log has ${records} records, of ${least} that were acknowledged`);
  assert.equal(lag, 0, 'everything is delivered');
  assert.equal(deadLetters, expected, 'what is in the dead letters was refused');
  return { note: `${records} records for ${least} acknowledged, ${deadLetters} dead letters as expected` };
}
