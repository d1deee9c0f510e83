// The dashboard for who wants the totals. Prometheus has them as floats: for a look, never for a bill.

import { formatDashboard, here } from './dashboard.ts';

const chosen = `${here}, total=~"$total"`;

export const totalsDashboard = (): string =>
  formatDashboard({
    title: 'Tally: totals',
    uid: 'tally-totals',
    description:
      'The first 100 totals by name, as floats. The exact amounts, of all of them, are at /totals of accumulate.',
    variables: { total: 'label_values(tally_total_value, total)' },
    rows: {
      Now: [
        {
          title: 'Amounts',
          isNumber: true,
          queries: { '{{total}}': `max by (namespace, total) (tally_total_value{${chosen}})` },
        },
        {
          title: 'Events',
          isNumber: true,
          queries: { '{{total}}': `max by (namespace, total) (tally_total_events{${chosen}})` },
        },
        {
          title: 'Totals that there are',
          isNumber: true,
          queries: { '{{namespace}}': `max by (namespace) (tally_totals{${here}})` },
        },
      ],
      'Over time': [
        {
          title: 'Amounts',
          queries: { '{{total}}': `max by (namespace, total) (tally_total_value{${chosen}})` },
        },
        {
          title: 'Events',
          queries: { '{{total}}': `max by (namespace, total) (tally_total_events{${chosen}})` },
        },
        {
          title: 'Events counted, a second',
          unit: 'cps',
          queries: {
            '{{total}}': `max by (namespace, total) (deriv(tally_total_events{${chosen}}[$__rate_interval]))`,
          },
        },
      ],
    },
  });
