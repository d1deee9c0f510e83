// More and more load until N replicas of add serve, as a caller sees it: each answer names the process that gave it. Then
// the load stops; how to watch the replicas go away is in the README, since no caller sees that.

import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';
import grpc from 'k6/net/grpc';

import { attempt, newRequest, wait } from './lib/adder.js';
import { createSummary } from './lib/summary.js';
import { checkSettings, chooseTotal, duration, gatewayHosts, integer } from './lib/settings.js';

const replicas = integer('REPLICAS', 3, { max: 1_000 });
const users = integer('USERS', 20);
const callsAtOnce = integer('CALLS_AT_ONCE', 50);
const rampMs = duration('RAMP', '60s');
const giveUpMs = duration('GIVE_UP', '3m');
checkSettings();

/** A replica that has answered within this time counts as serving. */
const recentMs = 30_000;
const key = 'tally-instance';

const instances = new Trend('tally_instances');
const reached = new Rate('tally_reached');
const failed = new Rate('tally_failed');
const adds = new Counter('tally_adds');

export const options = {
  hosts: gatewayHosts(),
  scenarios: {
    ramp: {
      executor: 'per-vu-iterations',
      vus: users,
      iterations: 1,
      maxDuration: `${giveUpMs + 30_000}ms`,
    },
  },
  thresholds: {
    tally_reached: ['rate==1'],
    tally_instances: [`max>=${replicas}`],
    tally_failed: ['rate<0.01'],
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

export const setup = () => ({ total: chooseTotal(), startedAt: Date.now() });

/** Each user sees N replicas for itself, since users share nothing; so the ramp ends for all within moments. */
export default async function ({ total, startedAt }) {
  const seen = new Map();
  const isLead = exec.vu.idInTest === 1;
  const elapsed = () => Date.now() - startedAt;
  // The first begins at once, the last at the end of the ramp; who waits asks once a second.
  const turnMs = (rampMs * (exec.vu.idInTest - 1)) / users;
  const serving = () => [...seen.values()].filter((at) => Date.now() - at < recentMs).length;
  const add = async () => {
    const { status, headers } = await attempt(newRequest(total).message, 10_000, { [key]: '?' });
    adds.add(1);
    failed.add(status !== grpc.StatusOK);
    // Refused for want of room, most likely: replicas are on their way.
    if (status !== grpc.StatusOK) await wait(200);
    const instance = headers?.[key]?.[0];
    if (instance === undefined) return;
    if (isLead && !seen.has(instance))
      console.log(`after ${Math.round(elapsed() / 1_000)} s: ${instance} serves`);
    seen.set(instance, Date.now());
    instances.add(serving());
  };
  const isDone = () => serving() >= replicas || elapsed() > giveUpMs;

  while (!isDone()) {
    if (elapsed() < turnMs) {
      await add();
      await wait(1_000);
    } else {
      await Promise.all(
        Array.from({ length: callsAtOnce }, async () => {
          while (!isDone()) await add();
        }),
      );
    }
  }
  const isReached = serving() >= replicas;
  reached.add(isReached);
  if (isLead && !isReached) {
    const advice =
      seen.size === 0 ? 'no answer named its process' : 'raise USERS or CALLS_AT_ONCE, or max-scale';
    console.error(`gave up after ${elapsed()} ms: ${serving()} of ${replicas} replicas serve; ${advice}`);
  }
}

export const handleSummary = createSummary('scale-to-n', `Load until ${replicas} replicas serve`);
