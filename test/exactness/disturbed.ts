// The total stays exact whatever is done to the processes of the path under load.

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { createRandom } from '../random.ts';
import { Load } from './load.ts';
import type { Account, Scenario } from './scenario.ts';
import type { Disturbance, Target } from './target.ts';

/** How many requests are acknowledged before and after a disturbance. */
const requestsAround = 100;
const longestPauseMs = 800;

/** One of the target's disturbances, with load before, meanwhile and after. */
export function disturbed(name: string): Scenario {
  const find = (target: Target) => target.disturbances.find((disturbance) => disturbance.name === name);
  return {
    name: `I1, I2, I3, I7: exact under load: ${name}`,
    isDisturbed: true,
    isOffered: (target) => find(target) !== undefined,
    run: (target) =>
      underLoad(target, 'disturbed', Date.now(), async (load) => {
        const disturbance = find(target);
        assert.ok(disturbance, `there is no ${name} here`);
        await load.grow(requestsAround);
        await disturbance.run();
        await load.grow(requestsAround);
      }),
  };
}

/** Kills of everything that can be killed, at random moments, again and again, now and then all at one time. */
export function randomKills(kills: number, seed: number): Scenario {
  return {
    name: `I1, I2, I3, I5, I7: exact after ${kills} kills of every part under load (seed ${seed})`,
    isDisturbed: true,
    run: (target) =>
      underLoad(target, 'random-kills', seed, (load) => killAtRandom(target, load, kills, seed)),
  };
}

async function underLoad(
  target: Target,
  label: string,
  seed: number,
  disturb: (load: Load) => Promise<void>,
): Promise<Account> {
  const load = new Load(target, label, seed);
  try {
    await disturb(load);
  } catch (error) {
    await load.abandon();
    throw error;
  }
  return load.stop();
}

async function killAtRandom(target: Target, load: Load, kills: number, seed: number): Promise<void> {
  const random = createRandom(seed);
  const next = (below: number): number => Math.floor(random() * below);
  const killable = target.disturbances.filter(({ isKill }) => isKill);
  const down = new Map<Disturbance, Promise<void>>();
  const failures: unknown[] = [];
  const kill = async (disturbance: Disturbance): Promise<void> => {
    try {
      await disturbance.run();
    } catch (error) {
      failures.push(error);
    }
    down.delete(disturbance);
  };
  for (let killed = 0; killed < kills && failures.length === 0;) {
    load.check();
    await delay(next(longestPauseMs));
    // Now and then the path gets over it: kills hit it at work, and not only while it comes back.
    if (next(4) === 0) await load.grow(next(requestsAround));
    const up = killable.filter((disturbance) => !down.has(disturbance));
    const chosen = next(up.length);
    const victims = next(20) === 0 ? up : up.slice(chosen, chosen + 1);
    killed += victims.length;
    for (const victim of victims) down.set(victim, kill(victim));
  }
  await Promise.all(down.values());
  if (failures.length > 0) throw failures[0];
}
