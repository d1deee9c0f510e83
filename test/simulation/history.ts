// What each total was after each of its events: what a reader may be told.

import { toText, toUnits } from './fixed-point.ts';
import type { StoredEvent, ToldTotal } from './model.ts';
import { world } from './world.ts';

interface Moment {
  readonly version: number;
  readonly count: number;
  readonly sum: bigint;
}

/** What each total was after each of its events. */
export class History {
  readonly #moments = new Map<string, Moment[]>();

  constructor(events: readonly StoredEvent[]) {
    for (const { seq, total, a, b } of events) {
      const moments = this.#moments.get(total) ?? [{ version: 0, count: 0, sum: 0n }];
      const last = moments.at(-1);
      moments.push({
        version: seq,
        count: (last?.count ?? 0) + 1,
        sum: (last?.sum ?? 0n) + toUnits(a) + toUnits(b),
      });
      this.#moments.set(total, moments);
    }
  }

  get names(): Iterable<string> {
    return this.#moments.keys();
  }

  /** Holds what was told against what the total was at a version. */
  check(told: ToldTotal, version: number, invariant: string): void {
    const moment = this.#moments.get(told.name)?.findLast((each) => each.version <= version);
    const { sum, count, version: at } = moment ?? { sum: 0n, count: 0, version: 0 };
    const is = describe(told.total, told.count, told.version);
    const should = describe(toText(sum), count, at);
    if (is !== should) world().violate(invariant, `total ${told.name} is ${is}, its events make ${should}`);
  }
}

function describe(total: string, count: number, version: number): string {
  return `${total} of ${count} events at version ${version}`;
}
