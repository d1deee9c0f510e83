// What an audit found: how many of each, and of the differences the first so many with all there is to say of each.

import type { Group } from './entry.ts';
import { type Difference, judge, type Judgement, type Kind, kinds, type Standing } from './judge.ts';
import { TotalAccounts } from './accounts.ts';

export interface Listed {
  /** How many there are. */
  readonly count: number;
  /** As many of them as are listed. */
  readonly listed: readonly Difference[];
}

export class Findings {
  readonly accounts = new TotalAccounts();
  readonly #limit: number;
  readonly #standings = new Map<Standing, number>();
  readonly #differences = new Map<Kind, { count: number; listed: Difference[] }>();

  /** @param limit how many differences of each kind are listed */
  constructor(limit: number) {
    this.#limit = limit;
    for (const kind of kinds) this.#differences.set(kind, { count: 0, listed: [] });
  }

  /** Judges one identity. */
  add(group: Group): void {
    const judgement: Judgement = judge(group);
    this.#standings.set(judgement.standing, this.standing(judgement.standing) + 1);
    for (const event of judgement.counts) this.accounts.addCounting(event);
    for (const difference of judgement.differences) {
      this.accounts.explain(difference);
      const found = this.#differences.get(difference.kind);
      if (found === undefined) continue;
      found.count++;
      if (found.listed.length < this.#limit) found.listed.push(difference);
    }
  }

  /** How many identities are so. */
  standing(standing: Standing): number {
    return this.#standings.get(standing) ?? 0;
  }

  differences(kind: Kind): Listed {
    const { count, listed } = this.#differences.get(kind) ?? { count: 0, listed: [] };
    return { count, listed: listed.toSorted((x, y) => placeOf(x) - placeOf(y)) };
  }
}

function placeOf(difference: Difference): number {
  return 'record' in difference ? difference.record.offset : difference.event.seq;
}
