// What each total was since the page was opened, as far back as a chart shows it.

/** @typedef {{ readonly at: number, readonly value: number, readonly count: number }} Point */

export const spanMs = 600_000;
/** Closer points could not be told apart. */
const minSpacingMs = 1_000;
/** The most points of all totals together. */
const maxPoints = 60_000;

/**
 * How far apart the points of a total are: where there are many totals, each has fewer.
 * @param {number} totals
 */
export function spacingOf(totals) {
  return Math.max(minSpacingMs, (spanMs / maxPoints) * totals);
}

export class History {
  /** @type {Point[]} */
  points = [];
  /** How many events were in the total when the page first heard of it. */
  firstCount = 0;

  /**
   * @param {string} total
   * @param {number} count
   * @param {number} at Unix milliseconds, by the clock of the browser
   * @param {number} spacingMs
   */
  add(total, count, at, spacingMs) {
    if (this.points.length === 0) this.firstCount = count;
    const [before, last] = this.points.slice(-2);
    // The last one is always the newest, whatever came shortly before it.
    if (before !== undefined && last !== undefined && last.at - before.at < spacingMs) this.points.pop();
    this.points.push({ at, value: Number(total), count });
    // One from before the span stays: it says where the line begins.
    while ((this.points[1]?.at ?? at) < at - spanMs) this.points.shift();
  }

  /**
   * Events a minute, over the last minute.
   * @param {number} now
   */
  ratePerMinute(now) {
    const last = this.points.at(-1);
    const first = this.points.findLast(({ at }) => at <= now - 60_000) ?? this.points[0];
    if (first === undefined || last === undefined) return 0;
    const minutes = Math.min(60_000, now - first.at) / 60_000;
    return minutes > 0 ? (last.count - first.count) / minutes : 0;
  }
}
