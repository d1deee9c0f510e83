// How the embedded log misbehaves by itself in a run: it stores twice, delivers copies at one time, late or in another order.

import type { Faults } from '../../local/log/faults.ts';
import { world } from './world.ts';

export function drawLogFaults(): Faults {
  const { profile, dice } = world();
  return {
    sink: () => {
      if (world().isCalm || !dice.chance(profile.logTwice)) return 'answer';
      world().count('records stored twice');
      return 'twice';
    },
    copies: () => {
      if (world().isCalm || !dice.chance(profile.logCopies)) return 1;
      world().count('records delivered by two at once');
      return 2;
    },
    order: (records) => {
      if (world().isCalm || !profile.logReorders || records.length < 2) return records;
      world().count('pages delivered in another order');
      return records
        .map((record) => ({ record, at: dice.next() }))
        .sort((x, y) => x.at - y.at)
        .map(({ record }) => record);
    },
    beforeDelivery: () => {
      if (world().isCalm || !dice.chance(profile.logDelays)) return Promise.resolve();
      return new Promise((resolve) => {
        setTimeout(resolve, dice.magnitude(1, 5_000));
      });
    },
  };
}
