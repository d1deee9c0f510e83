// Unary load at a constant rate, whether or not add keeps up: what fails and how long an answer takes.

import grpc from 'k6/net/grpc';
import { Rate } from 'k6/metrics';

import { attempt, newRequest } from './lib/adder.js';
import { createSummary } from './lib/summary.js';
import { checkSettings, chooseTotal, duration, gatewayHosts, integer } from './lib/settings.js';

const rate = integer('RATE', 200);
const durationMs = duration('DURATION', '30s');
const users = integer('USERS', 100);
const p99Ms = integer('P99_MS', 250);
const timeoutMs = duration('TIMEOUT', '5s');
checkSettings();

const failed = new Rate('tally_failed');

export const options = {
  hosts: gatewayHosts(),
  scenarios: {
    add: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${durationMs}ms`,
      // All at the start: k6 drops the iteration for which it has to make another.
      preAllocatedVUs: users,
    },
  },
  thresholds: {
    tally_failed: ['rate<0.001'],
    grpc_req_duration: [`p(99)<${p99Ms}`],
    // Calls that k6 did not make, because all its users were waiting: the rate was not what was asked for.
    dropped_iterations: ['count==0'],
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

export const setup = () => ({ total: chooseTotal() });

export default async function ({ total }) {
  const { message } = newRequest(total);
  const { status } = await attempt(message, timeoutMs);
  failed.add(status !== grpc.StatusOK);
}

export const handleSummary = createSummary('add', 'Unary load at a constant rate');
