// The line on a terminal that shows how an import gets on: rows, share of the file, rate, time left.

import type { WriteStream } from 'node:tty';

import type { ImportReport } from './report.ts';

const intervalMs = 100;
const barWidth = 20;
/** The rate is that of the last seconds, so that the time left follows a server that became slow. */
const rateWindowMs = 5_000;

export interface Progress {
  /** Writes a line above the bar. */
  readonly note: (text: string) => void;
  /** Takes the bar away. */
  readonly stop: () => void;
}

/** @param size of the file in bytes; undefined when nobody knows, as for standard input */
export function startProgress(
  terminal: WriteStream,
  report: ImportReport,
  size: number | undefined,
): Progress {
  const samples: { at: number; rows: number; bytes: number }[] = [];
  const draw = () => {
    const now = { at: performance.now(), rows: report.acknowledged, bytes: report.bytes };
    samples.push(now);
    while ((samples[0]?.at ?? 0) < now.at - rateWindowMs) samples.shift();
    const line = formatProgress(report, size, samples[0] ?? now, now);
    terminal.write(`\r${line.slice(0, terminal.columns - 1)}\x1b[K`);
  };
  const timer = setInterval(draw, intervalMs);
  return {
    note(text) {
      terminal.write(`\r\x1b[K${text}\n`);
      draw();
    },
    stop() {
      clearInterval(timer);
      terminal.write('\r\x1b[K');
    },
  };
}

interface Sample {
  readonly at: number;
  readonly rows: number;
  readonly bytes: number;
}

export function formatProgress(
  { acknowledged, bad, bytes }: ImportReport,
  size: number | undefined,
  from: Sample,
  to: Sample,
): string {
  const seconds = (to.at - from.at) / 1_000;
  const rate = seconds > 0 ? Math.round((to.rows - from.rows) / seconds) : 0;
  const rows = `${acknowledged} rows, ${rate}/s${bad > 0 ? `, ${bad} bad` : ''}`;
  if (size === undefined || size === 0) return rows;
  const share = Math.min(1, bytes / size);
  const full = Math.floor(share * barWidth);
  const bar = '█'.repeat(full) + '░'.repeat(barWidth - full);
  const bytesPerSecond = seconds > 0 ? (to.bytes - from.bytes) / seconds : 0;
  const left = bytesPerSecond > 0 ? `, ${formatSeconds((size - bytes) / bytesPerSecond)} left` : '';
  return `${bar} ${Math.floor(share * 100)}%  ${rows}${left}`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
