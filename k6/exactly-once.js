// Every request is sent one to three times, one after the other or at once, with deadlines so short that many are missed;
// then again with the same id until it is answered. At the end the total must be the sum of the distinct requests (I2).

import { Counter } from 'k6/metrics';
import grpc from 'k6/net/grpc';

import { attempt, newRequest, settle } from './lib/adder.js';
import { addSettled, addUnsettled, compareTotal, exactThresholds, startExactness } from './lib/exactness.js';
import { counted } from './lib/reads.js';
import { createSummary } from './lib/summary.js';
import { checkSettings, duration, gatewayHosts, integer } from './lib/settings.js';

const users = integer('USERS', 10);
const durationMs = duration('DURATION', '30s');
const shortMs = duration('SHORT_DEADLINE', '4ms');
const maxCopies = integer('COPIES', 3, { max: 100 });
const giveUpMs = duration('GIVE_UP', '60s');
checkSettings();

const sends = new Counter('tally_sends');
const unknown = new Counter('tally_unknown');
const replayed = new Counter('tally_replayed');

export const options = {
  hosts: gatewayHosts(),
  scenarios: {
    requests: {
      executor: 'constant-vus',
      vus: users,
      duration: `${durationMs}ms`,
      // What has begun is settled and counted, else its part of the total would be nobody's.
      gracefulStop: `${2 * giveUpMs + 10_000}ms`,
    },
  },
  thresholds: {
    ...exactThresholds,
    // Without missed deadlines nothing was put to the test: SHORT_DEADLINE is too long for this system then.
    tally_unknown: ['count>0'],
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

export function setup() {
  sends.add(0);
  unknown.add(0);
  replayed.add(0);
  return startExactness();
}

export default async function ({ total }) {
  const request = newRequest(total);
  const copies = Math.floor(Math.random() * maxCopies);
  if (Math.random() < 0.5) await Promise.all(Array.from({ length: copies }, () => sendShort(request)));
  else for (let i = 0; i < copies; i++) await sendShort(request);

  // The last one, with all the time that it needs.
  const { answer, reason } = await settle(request.message, { withinMs: giveUpMs, onRetry: countUnknown });
  if (answer === undefined) {
    addUnsettled(reason);
    return;
  }
  countAnswer(answer);
  addSettled(request.cents);
  const difference = await counted(request, giveUpMs);
  if (difference !== undefined) addUnsettled(difference);
}

export const teardown = compareTotal;

async function sendShort({ message }) {
  const { status, message: answer } = await attempt(message, Math.ceil(shortMs * (0.5 + Math.random())));
  if (status === grpc.StatusOK) countAnswer(answer);
  else countUnknown();
}

function countUnknown() {
  sends.add(1);
  unknown.add(1);
}

function countAnswer(answer) {
  sends.add(1);
  if (answer.replayed) replayed.add(1);
}

export const handleSummary = createSummary(
  'exactly-once',
  'Every request sent up to three times, counted once',
);
