// Whether a run's total is what the run sent, as thresholds, so that the exit code tells.
//
// Virtual users share nothing, and no threshold compares two metrics. So each one adds what it has sent to a counter, and
// teardown takes away what the total says: what is left must be 0. Sums are hundredths (cents.js), exact in a counter.

import { Counter } from 'k6/metrics';

import { readTotal } from './reads.js';
import { chooseTotal } from './settings.js';

const settled = new Counter('tally_settled');
const settledCents = new Counter('tally_settled_cents');
const differenceCount = new Counter('tally_difference_count');
const differenceCents = new Counter('tally_difference_cents');
const unsettled = new Counter('tally_unsettled');

/** A request that is certainly taken, and so must be in the total. */
export function addSettled(cents, count = 1) {
  settled.add(count);
  settledCents.add(cents);
  differenceCount.add(count);
  differenceCents.add(cents);
}

/** One of which it is not known what became of it: with these a total proves nothing. */
export function addUnsettled(reason) {
  unsettled.add(1);
  console.error(reason);
}

/**
 * A script's setup. What is in the total already is not this run's; and a threshold on a metric without a value would hold
 * without having been looked at.
 * @returns what each virtual user and teardown are given
 */
export async function startExactness() {
  const total = chooseTotal();
  addSettled(0, 0);
  unsettled.add(0);
  const before = await readTotal(total);
  differenceCount.add(before.count);
  differenceCents.add(before.cents);
  return { total };
}

/** A script's teardown: every virtual user has ended, and has waited until its requests were counted. */
export async function compareTotal({ total }) {
  const { cents, count } = await readTotal(total);
  differenceCount.add(-count);
  differenceCents.add(-cents);
}

export const exactThresholds = {
  tally_settled: ['count>0'],
  tally_unsettled: ['count==0'],
  tally_difference_count: ['count==0'],
  tally_difference_cents: ['count==0'],
};
