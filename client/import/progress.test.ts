import { expect, test } from '@jest/globals';

import { formatProgress } from './progress.ts';
import { ImportReport } from './report.ts';

function createReport(acknowledged: number, bytes: number, bad = 0): ImportReport {
  return Object.assign(new ImportReport(), { acknowledged, bytes, bad });
}

test('shows the share of the file, the rate of the last seconds and the time left', () => {
  const from = { at: 0, rows: 0, bytes: 0 };
  const to = { at: 2_000, rows: 1_000, bytes: 50_000 };
  expect(formatProgress(createReport(1_000, 50_000, 3), 200_000, from, to)).toBe(
    '█████░░░░░░░░░░░░░░░ 25%  1000 rows, 500/s, 3 bad, 6 s left',
  );
  expect(formatProgress(createReport(1_000, 50_000), 20_000_000, from, to)).toContain('13 min 18 s left');
});

test('shows no share where the size is not known, and no rate before there is one', () => {
  const sample = { at: 0, rows: 7, bytes: 10 };
  expect(formatProgress(createReport(7, 10), undefined, sample, sample)).toBe('7 rows, 0/s');
});
