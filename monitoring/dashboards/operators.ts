// The dashboard for who is on call: from what callers notice to the parts, in the order of the events' way.

import { formatDashboard, here, type Panel } from './dashboard.ts';

const interval = '[$__rate_interval]';

/** Quantiles of a histogram in seconds. */
function quantiles(title: string, metric: string, description = ''): Panel {
  const quantile = (q: number): string =>
    `histogram_quantile(${q}, sum by (le) (rate(${metric}_bucket{${here}}${interval})))`;
  return {
    title,
    description,
    unit: 's',
    queries: { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) },
  };
}

function rateBy(title: string, label: string, metric: string, unit: 'reqps' | 'cps'): Panel {
  const expr = `sum by (${label}) (rate(${metric}{${here}}${interval}))`;
  return { title, unit, queries: { [`{{${label}}}`]: expr } };
}

export const operatorsDashboard = (): string =>
  formatDashboard({
    title: 'Tally: operators',
    uid: 'tally-operators',
    description: 'What callers notice, and where it comes from. docs/operations.md says what to do about it.',
    rows: {
      'At a glance': [
        {
          title: 'Failed requests, an hour',
          description: 'Of all requests to add. The objective is 0.1 %.',
          unit: 'percentunit',
          isNumber: true,
          queries: { '{{namespace}}': `namespace:tally_add_errors:ratio_rate1h{${here}}` },
        },
        {
          title: 'Age of events when counted, p95',
          unit: 's',
          isNumber: true,
          queries: { '{{namespace}}': `namespace:tally_accumulate_event_age_seconds:p95_5m{${here}}` },
        },
        {
          title: 'Events counted',
          isNumber: true,
          queries: { '{{namespace}}': `namespace:tally_ledger_events:max{${here}}` },
        },
        {
          title: 'Duplicates refused',
          isNumber: true,
          queries: { '{{namespace}}': `namespace:tally_ledger_duplicates:max{${here}}` },
        },
        {
          title: 'Replicas ready',
          isNumber: true,
          queries: { '{{job}}': `sum by (job) (tally_ready{${here}})` },
        },
        {
          title: 'Free on the volumes',
          unit: 'percentunit',
          isNumber: true,
          queries: {
            '{{job}}': `min by (job) (tally_volume_free_bytes{${here}} / tally_volume_size_bytes{${here}})`,
          },
        },
        {
          title: 'Alerts',
          queries: {
            '{{alertname}}': `sum by (alertname) (ALERTS{alertname=~"Tally.+", alertstate="firing", ${here}})`,
          },
        },
        {
          title: 'Budget burned, by window',
          description: 'The share of requests that failed over 0.1 %: at 1 the month’s budget lasts a month.',
          queries: {
            '5m': `namespace:tally_add_errors:ratio_rate5m{${here}} / 0.001`,
            '1h': `namespace:tally_add_errors:ratio_rate1h{${here}} / 0.001`,
            '6h': `namespace:tally_add_errors:ratio_rate6h{${here}} / 0.001`,
          },
        },
        quantiles(
          'Age of events when counted',
          'tally_accumulate_event_age_seconds',
          'From end to end: from the time that add gave the event to its commit.',
        ),
      ],
      add: [
        rateBy('Requests, by code', 'code', 'tally_add_requests_total', 'reqps'),
        quantiles('Time to the answer', 'tally_add_duration_seconds'),
        { title: 'In flight', queries: { '{{pod}}': `tally_add_in_flight{${here}}` } },
        rateBy('Attempts at the sink, by outcome', 'outcome', 'tally_add_sink_attempts_total', 'reqps'),
        {
          title: 'Answered without the sink',
          unit: 'reqps',
          queries: {
            'from the cache': `sum(rate(tally_add_cache_hits_total{${here}}${interval}))`,
            'joined one in flight': `sum(rate(tally_add_coalesced_total{${here}}${interval}))`,
          },
        },
      ],
      log: [
        {
          title: 'Records that wait',
          description: 'Of the embedded log, or of npm start on Kafka. On a cluster Kafka itself knows.',
          queries: {
            lag: `namespace:tally_log_lag:max{${here}}`,
            'being delivered': `max(tally_log_in_flight{${here}})`,
          },
        },
        {
          title: 'Dead letters',
          queries: { '{{namespace}}': `namespace:tally_log_dead_letters:max{${here}}` },
        },
        {
          title: 'Deliveries',
          unit: 'cps',
          queries: {
            delivered: `sum(rate(tally_log_delivered_total{${here}}${interval}))`,
            again: `sum(rate(tally_log_redeliveries_total{${here}}${interval}))`,
          },
        },
        rateBy('Requests to the sink, by status', 'status', 'tally_log_sink_requests_total', 'reqps'),
      ],
      accumulate: [
        rateBy('Events, by outcome', 'outcome', 'tally_accumulate_events_total', 'cps'),
        {
          title: 'Refusals, by problem',
          unit: 'cps',
          queries: {
            '{{code}}': `sum by (code) (rate(tally_accumulate_refusals_total{${here}}${interval})) > 0`,
          },
        },
        quantiles('Time of a commit', 'tally_accumulate_commit_seconds'),
        {
          title: 'Events in one commit, on average',
          queries: {
            events:
              `sum(rate(tally_accumulate_commit_events_sum{${here}}${interval})) / ` +
              `sum(rate(tally_accumulate_commit_events_count{${here}}${interval}))`,
          },
        },
        {
          title: 'Size of the ledger',
          unit: 'bytes',
          queries: { '{{namespace}}': `max by (namespace) (tally_ledger_bytes{${here}})` },
        },
        {
          title: 'Ids that are known',
          queries: { '{{namespace}}': `max by (namespace) (tally_ledger_known_ids{${here}})` },
        },
        {
          title: 'How far back ids are known',
          unit: 's',
          queries: {
            '{{namespace}}': `time() - min by (namespace) (tally_ledger_oldest_id_timestamp_seconds{${here}})`,
          },
        },
        {
          title: 'Free on the volumes',
          unit: 'bytes',
          queries: { '{{job}}': `min by (job) (tally_volume_free_bytes{${here}})` },
        },
      ],
      Processes: [
        {
          title: 'CPU',
          description: 'Seconds of CPU time a second.',
          queries: {
            '{{job}} {{pod}}': `rate(process_cpu_seconds_total{job=~"tally-.+", ${here}}${interval})`,
          },
        },
        {
          title: 'Memory',
          unit: 'bytes',
          queries: { '{{job}} {{pod}}': `process_resident_memory_bytes{job=~"tally-.+", ${here}}` },
        },
        {
          title: 'Lag of the event loop, p99',
          unit: 's',
          queries: { '{{job}} {{pod}}': `nodejs_eventloop_lag_p99_seconds{job=~"tally-.+", ${here}}` },
        },
      ],
    },
  });
