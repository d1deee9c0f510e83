// Medians, and the ratio of two sides that were measured in turns: what disturbs the machine disturbs both of a pair, so
// the median of the pairs' ratios holds still where the figures themselves do not.

export interface Paired {
  /** Medians. */
  readonly value: number;
  readonly bound: number;
  readonly ratio: number;
  /** The least and the greatest ratio of a pair. */
  readonly low: number;
  readonly high: number;
}

/** The middle value; of an even number of values the mean of the two in the middle. @throws when there are none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error('no values to take the median of');
  return (lower + upper) / 2;
}

/** @param bounds as many as `values`, each measured right after its partner */
export function pair(values: readonly number[], bounds: readonly number[]): Paired {
  const ratios = values.map((value, index) => value / (bounds[index] ?? Number.NaN));
  return {
    value: median(values),
    bound: median(bounds),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  };
}
