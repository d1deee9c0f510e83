// CloudEvents posted straight to accumulate, as any other sender does: binary, structured, and batches, with duplicates
// among them. Each event must be applied once, and its copies be called duplicates (I2).

import http from 'k6/http';
import { Counter } from 'k6/metrics';

import { wait } from './lib/adder.js';
import { formatCents, randomCents } from './lib/cents.js';
import { addSettled, addUnsettled, compareTotal, exactThresholds, startExactness } from './lib/exactness.js';
import { createSummary } from './lib/summary.js';
import {
  accumulateToken,
  accumulateUrl,
  checkSettings,
  duration,
  gatewayHosts,
  integer,
} from './lib/settings.js';

const users = integer('USERS', 10);
const durationMs = duration('DURATION', '30s');
const batch = integer('BATCH', 100, { min: 2, max: 10_000 });
const maxCopies = integer('COPIES', 3, { max: 100 });
const giveUpMs = duration('GIVE_UP', '60s');
checkSettings();

const applied = new Counter('tally_applied');
const duplicates = new Counter('tally_duplicates');
const wrong = new Counter('tally_wrong_outcomes');

export const options = {
  hosts: gatewayHosts(),
  scenarios: {
    events: {
      executor: 'constant-vus',
      vus: users,
      duration: `${durationMs}ms`,
      gracefulStop: `${3 * giveUpMs + 10_000}ms`,
    },
  },
  thresholds: {
    ...exactThresholds,
    tally_duplicates: ['count>0'],
    tally_wrong_outcomes: ['count==0'],
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

export function setup() {
  applied.add(0);
  duplicates.add(0);
  wrong.add(0);
  return startExactness();
}

const forms = [
  { events: 1, post: postBinary },
  { events: 1, post: postStructured },
  { events: batch, post: postBatch },
];

export default async function ({ total }) {
  const { events: size, post } = forms[Math.floor(Math.random() * forms.length)];
  const events = Array.from({ length: size }, () => newEvent(total));
  const copies = Array.from({ length: 1 + Math.floor(Math.random() * maxCopies) });
  const answers =
    Math.random() < 0.5
      ? await Promise.all(copies.map(() => postUntilTaken(post, events)))
      : await inTurn(copies.map(() => () => postUntilTaken(post, events)));

  const missed = answers.find(({ reason }) => reason !== undefined);
  if (missed !== undefined) {
    addUnsettled(missed.reason);
    return;
  }
  addSettled(
    events.reduce((sum, { cents }) => sum + cents, 0),
    events.length,
  );
  const firsts = answers.filter(({ outcome }) => outcome === 'applied').length;
  applied.add(firsts);
  duplicates.add(answers.length - firsts);
  // An answer that was lost on the way may have been the first.
  const isSure = answers.every(({ attempts }) => attempts === 1);
  if (firsts > 1 || (firsts === 0 && isSure)) {
    wrong.add(1);
    console.error(`${events[0].id}: ${answers.length} copies, ${firsts} of them answered as applied`);
  }
}

export const teardown = compareTotal;

function newEvent(total) {
  const [a, b] = [randomCents(), randomCents()];
  const data = { a: formatCents(a), b: formatCents(b), sum: formatCents(a + b) };
  return { id: crypto.randomUUID(), total, cents: a + b, data };
}

const authorization = accumulateToken === '' ? {} : { authorization: `Bearer ${accumulateToken}` };
const source = '/k6/accumulate';
const type = 'dev.tally.sum.v1';

const send = (headers, body, form) =>
  http.asyncRequest('POST', `${accumulateUrl}/`, JSON.stringify(body), {
    headers: { ...authorization, ...headers },
    tags: { name: form },
  });

function postBinary([{ id, total, data }]) {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-source': source,
    'ce-type': type,
    'ce-subject': total,
  };
  return send({ ...headers, 'content-type': 'application/json' }, data, 'binary');
}

const structured = ({ id, total, data }) => ({
  ...{ specversion: '1.0', id, source, type, subject: total },
  ...{ datacontenttype: 'application/json', data },
});

function postStructured([event]) {
  return send({ 'content-type': 'application/cloudevents+json' }, structured(event), 'structured');
}

/** One of the events stands in its batch twice. */
function postBatch(events) {
  const body = [...events, events[0]].map(structured);
  return send({ 'content-type': 'application/cloudevents-batch+json' }, body, 'batch');
}

async function postUntilTaken(post, events) {
  const until = Date.now() + giveUpMs;
  for (let attempts = 1; ; attempts++) {
    const { status, headers, error } = await post(events);
    if (status === 204) return { outcome: headers['Tally-Outcome'], attempts };
    const reason = `${events[0].id}: status ${status} ${error}`;
    // 0: no answer.
    const mayPass = status === 0 || status === 429 || status >= 500;
    if (!mayPass || Date.now() > until) return { reason };
    await wait(Math.min(1_000, 20 * 2 ** attempts));
  }
}

async function inTurn(posts) {
  const answers = [];
  for (const post of posts) answers.push(await post());
  return answers;
}

export const handleSummary = createSummary(
  'accumulate',
  'CloudEvents posted straight, duplicates among them',
);
