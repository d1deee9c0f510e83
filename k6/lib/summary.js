// What a run leaves: a text on standard output, in place of the one that k6 prints where there is no handleSummary, and a
// page to keep and pass on.

import { formatCents } from './cents.js';
import { renderPage } from './page.js';
import { readSettings, text } from './settings.js';
import { formatValue, was } from './values.js';

/** What is worth a line, in this order, and what it is; other metrics are k6's own and left to its outputs. */
const descriptions = {
  tally_settled: 'requests that are certainly taken',
  tally_unsettled: 'requests of which it is not known, or that were refused',
  tally_difference_count: 'requests that were taken less those in the total',
  tally_difference_cents: 'their sum less the total, in hundredths',
  tally_sends: 'calls made for them',
  tally_unknown: 'calls of which nobody knew the outcome',
  tally_replayed: 'calls answered as replays',
  tally_applied: 'posts answered as applied',
  tally_duplicates: 'posts answered as duplicates',
  tally_wrong_outcomes: 'events applied twice, or never',
  tally_failed: 'failed, of all',
  tally_results: 'results of streams',
  tally_result_duration: 'from a request on a stream to its result',
  tally_unanswered: 'requests on streams without their one result',
  tally_adds: 'adds made',
  tally_instances: 'replicas that served at one time',
  tally_reached: 'users that saw all replicas',
  tally_lag: 'from taken to counted',
  tally_memory_growth_mb: 'growth of a part, MiB',
  tally_restarts: 'parts that were another process than before',
  tally_scrapes: 'looks at the memory of a part',
  grpc_req_duration: 'unary calls of add',
  http_req_duration: 'requests to accumulate',
  iterations: 'iterations of the script',
  dropped_iterations: 'iterations that no user was free for',
};

export function createSummary(script, title) {
  const path = text('REPORT', `k6/reports/${script}.html`);
  return (data) => {
    // What it is given has changed between versions of k6 before; on an error k6 prints its own summary.
    if (data.metrics === undefined) throw new Error('this version of k6 gives a summary of another form');
    const report = createReport(script, title, data);
    return { stdout: renderText(report, path), [path]: renderPage(report) };
  };
}

function createReport(script, title, data) {
  const names = Object.keys(descriptions).filter((name) => data.metrics[name] !== undefined);
  const metrics = names.map((name) => {
    const { type, contains, values } = data.metrics[name];
    return { name, description: descriptions[name], type, isTime: contains === 'time', values };
  });
  const thresholds = Object.entries(data.metrics).flatMap(([name, { thresholds: own = {}, values }]) =>
    Object.entries(own).map(([rule, { ok }]) => ({ name, rule, isMet: ok, value: valueOf(rule, values) })),
  );
  return {
    script,
    title,
    isPassed: thresholds.every(({ isMet }) => isMet),
    endedAt: new Date().toISOString(),
    seconds: data.state.testRunDurationMs / 1_000,
    total: data.setup_data?.total,
    exactness: describeExactness(data),
    thresholds,
    metrics,
    settings: readSettings().filter(([, value]) => value !== ''),
  };
}

/** The value that a threshold such as `p(99)<250` is about. */
function valueOf(rule, values) {
  const [, statistic] = /^\s*([a-z]+(?:\([\d.]+\))?)/.exec(rule) ?? [];
  return values[statistic];
}

function describeExactness({ metrics }) {
  const count = (name) => metrics[name]?.values.count;
  const settled = count('tally_settled');
  if (settled === undefined) return undefined;
  const cents = count('tally_settled_cents');
  const [missing, missingCents] = [count('tally_difference_count'), count('tally_difference_cents')];
  const sent = `${settled} requests were taken, ${formatCents(cents)} in all`;
  if (missing === 0 && missingCents === 0) return `${sent}; the total grew by just that.`;
  const grew = `${formatCents(cents - missingCents)} in ${settled - missing}`;
  return `${sent}; the total grew by ${grew}: it is NOT the sum of what was sent.`;
}

function renderText({ script, isPassed, seconds, total, exactness, thresholds, metrics }, path) {
  const lines = [
    `${script}: ${isPassed ? 'passed' : 'FAILED'} after ${seconds.toFixed(1)} s`,
    ...(total === undefined ? [] : [`total ${total}`]),
    ...(exactness === undefined ? [] : [exactness]),
    '',
    ...thresholds.map(
      ({ name, rule, isMet, value }) => `  ${isMet ? 'met   ' : 'FAILED'} ${name} ${rule}${was(value)}`,
    ),
    '',
    ...metrics.map((metric) => `  ${metric.name.padEnd(24)} ${formatValue(metric)}`),
    '',
    `report: ${path}`,
  ];
  return `\n${lines.join('\n')}\n`;
}
