// A constant rate for hours: does what was taken stay countable within a bound, does memory stay within one, and is the
// total exact at the end?

import { Counter, Trend } from 'k6/metrics';
import http from 'k6/http';

import { newRequest, settle, wait } from './lib/adder.js';
import { addSettled, addUnsettled, compareTotal, exactThresholds, startExactness } from './lib/exactness.js';
import { counted } from './lib/reads.js';
import { createSummary } from './lib/summary.js';
import { checkSettings, duration, gatewayHosts, integer, list } from './lib/settings.js';

const rate = integer('RATE', 20);
const durationMs = duration('DURATION', '2h');
const users = integer('USERS', 200);
const maxLagMs = integer('MAX_LAG_MS', 5_000);
const maxGrowthMb = integer('MAX_GROWTH_MB', 256);
const every = duration('EVERY', '15s');
const giveUpMs = duration('GIVE_UP', '120s');
const local = 'http://localhost:8080/metrics,http://localhost:8081/metrics,http://localhost:8082/metrics';
const pages = list('METRICS', 'the URL of a metrics page or none', /^(https?:\/\/\S+|none)$/, local);
checkSettings();
const watched = pages.filter((page) => page !== 'none');

const lagMs = new Trend('tally_lag', true);
const growthMb = new Trend('tally_memory_growth_mb');
const restarts = new Counter('tally_restarts');
const scrapes = new Counter('tally_scrapes');

const gracefulStop = `${2 * giveUpMs + 10_000}ms`;

export const options = {
  hosts: gatewayHosts(),
  scenarios: {
    requests: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${durationMs}ms`,
      // All at the start: k6 drops the iteration for which it has to make another.
      preAllocatedVUs: users,
      gracefulStop,
    },
    ...(watched.length > 0 && {
      memory: {
        executor: 'constant-vus',
        vus: 1,
        duration: `${durationMs}ms`,
        gracefulStop,
        exec: 'watchMemory',
      },
    }),
  },
  thresholds: {
    ...exactThresholds,
    dropped_iterations: ['count==0'],
    tally_lag: [`p(99)<${maxLagMs}`],
    ...(watched.length > 0 && {
      tally_scrapes: [`count>=${watched.length}`],
      tally_restarts: ['count==0'],
      tally_memory_growth_mb: [`max<${maxGrowthMb}`],
    }),
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

export function setup() {
  scrapes.add(0);
  restarts.add(0);
  return startExactness();
}

export default async function ({ total }) {
  const request = newRequest(total);
  const { answer, reason } = await settle(request.message, { withinMs: giveUpMs });
  if (answer === undefined) {
    addUnsettled(reason);
    return;
  }
  addSettled(request.cents);
  const takenAt = Date.now();
  const difference = await counted(request, giveUpMs);
  if (difference === undefined) lagMs.add(Date.now() - takenAt);
  else addUnsettled(difference);
}

export const teardown = compareTotal;

/** One user's, who remembers how each part began. */
const began = new Map();
const startedAt = Date.now();
/** Caches fill and code is compiled in the first tenth; what grows after it is looked at. */
const warmUpMs = durationMs / 10;

export async function watchMemory() {
  for (const page of watched) {
    const response = await http.asyncRequest('GET', page, null, { tags: { name: 'metrics' } });
    if (response.status !== 200) {
      console.error(`${page}: status ${response.status} ${response.error}`);
      continue;
    }
    scrapes.add(1);
    const bytes = metric(response.body, 'process_resident_memory_bytes');
    const startTime = metric(response.body, 'process_start_time_seconds');
    const first = began.get(page);
    if (first !== undefined && first.startTime !== startTime) {
      restarts.add(1);
      console.error(`${page}: another process answers than before`);
    }
    const isWarm = Date.now() - startedAt > warmUpMs;
    if (first === undefined || first.startTime !== startTime || (isWarm && !first.isWarm)) {
      began.set(page, { bytes, startTime, isWarm });
    }
    growthMb.add((bytes - began.get(page).bytes) / 2 ** 20, { page });
  }
  await wait(Math.min(every, durationMs / 5));
}

function metric(text, name) {
  const [, value] = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`no ${name} in a metrics page`);
  return Number(value);
}

export const handleSummary = createSummary('soak', 'A constant rate for hours: lag, memory, exactness');
