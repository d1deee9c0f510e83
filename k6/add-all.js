// The bulk way: streams of AddAll, each with so many requests unanswered at a time. Every request must be answered by one
// result, in whatever order they come.

import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';
import { Stream } from 'k6/net/grpc';

import { metadata, newRequest, nextClient, wait } from './lib/adder.js';
import { createSummary } from './lib/summary.js';
import { checkSettings, chooseTotal, duration, gatewayHosts, integer } from './lib/settings.js';

const users = integer('USERS', 4);
const durationMs = duration('DURATION', '30s');
const items = integer('ITEMS', 1_000);
const window = integer('WINDOW', 128);
const p99Ms = integer('P99_MS', 500);
checkSettings();

const results = new Counter('tally_results');
const failed = new Rate('tally_failed');
const resultMs = new Trend('tally_result_duration', true);
const unanswered = new Counter('tally_unanswered');

export const options = {
  hosts: gatewayHosts(),
  scenarios: {
    'add-all': {
      executor: 'constant-vus',
      vus: users,
      duration: `${durationMs}ms`,
      // A stream that has begun is ended in order.
      gracefulStop: '60s',
    },
  },
  thresholds: {
    tally_results: ['count>0'],
    tally_failed: ['rate<0.001'],
    tally_result_duration: [`p(99)<${p99Ms}`],
    tally_unanswered: ['count==0'],
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

export function setup() {
  unanswered.add(0);
  return { total: chooseTotal() };
}

export default async function ({ total }) {
  let client;
  try {
    client = nextClient();
  } catch (error) {
    console.error(`user ${exec.vu.idInTest} can't connect: ${error}`);
    failed.add(true);
    await wait(1_000);
    return;
  }
  await runStream(client, total);
}

function runStream(client, total) {
  return new Promise((resolve) => {
    const stream = new Stream(client, 'tally.v1.Adder/AddAll', { metadata });
    const sentAt = new Map();
    let sent = 0;
    const send = () => {
      const { message } = newRequest(total);
      sentAt.set(message.requestId, Date.now());
      stream.write(message);
      sent++;
    };
    const end = () => {
      if (sentAt.size > 0) unanswered.add(sentAt.size);
      // After an error there may come an end.
      sentAt.clear();
      resolve();
    };
    stream.on('data', ({ requestId, error }) => {
      const at = sentAt.get(requestId);
      sentAt.delete(requestId);
      // A second result for one request, or one for none.
      if (at === undefined) unanswered.add(1);
      else resultMs.add(Date.now() - at);
      results.add(1);
      failed.add(Boolean(error));
      if (sent < items) send();
      else if (sentAt.size === 0) stream.end();
    });
    stream.on('error', (error) => {
      console.error(`the stream ended: ${error.code} ${error.message}`);
      failed.add(true);
      end();
    });
    stream.on('end', end);
    for (let i = 0; i < Math.min(window, items); i++) send();
  });
}

export const handleSummary = createSummary('add-all', 'Streams of AddAll under flow control');
