// What each total was while the page was looked at, as far back as a chart shows it.

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
  #points = [];
  #firstCount;

  /** @param {number} firstCount how many events were in the total when the page was opened */
  constructor(firstCount) {
    this.#firstCount = firstCount;
  }

  /**
   * @param {string} total
   * @param {number} count
   * @param {number} at Unix milliseconds, by the clock of the browser
   * @param {number} spacingMs
   */
  add(total, count, at, spacingMs) {
    // Of another ledger.
    if (count < (this.#points.at(-1)?.count ?? 0)) {
      this.#points = [];
      this.#firstCount = count;
    }
    const [before, last] = this.#points.slice(-2);
    // The last one is always the newest, whatever came shortly before it.
    if (before !== undefined && last !== undefined && last.at - before.at < spacingMs) this.#points.pop();
    this.#points.push({ at, value: Number(total), count });
  }

  /** How many events came since the page was opened. */
  get added() {
    return (this.#points.at(-1)?.count ?? 0) - this.#firstCount;
  }

  /**
   * The points of the span, the first of them with what the total was when it began.
   * @param {number} now
   * @returns {readonly Point[]}
   */
  points(now) {
    const from = now - spanMs;
    const held = this.#points.findLastIndex(({ at }) => at <= from);
    if (held > 0) this.#points.splice(0, held);
    const [first, ...rest] = this.#points;
    return first === undefined || first.at >= from ? this.#points : [{ ...first, at: from }, ...rest];
  }

  /**
   * Events a minute, over the last minute.
   * @param {number} now
   */
  ratePerMinute(now) {
    const last = this.#points.at(-1);
    const first = this.#points.findLast(({ at }) => at <= now - 60_000) ?? this.#points[0];
    if (first === undefined || last === undefined) return 0;
    const minutes = Math.min(60_000, now - first.at) / 60_000;
    return minutes > 0 ? (last.count - first.count) / minutes : 0;
  }
}
