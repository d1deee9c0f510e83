// Each total three times over: as the ledger has it written down, as the ledger's own events make it, and as the log
// makes it. The differences that were found have to explain all that lies between, to the last digit (I3).

import { AppError } from '../lib/errors.ts';
import { Amount } from './amount.ts';
import { type Difference, type Kind, kinds } from './judge.ts';
import type { StoredTotal } from './ledger.ts';
import type { SumEvent } from './record-event.ts';

/** An amount and how many events make it. */
export interface Sum {
  readonly total: string;
  readonly count: number;
}

/** A total that is not what it should be. */
export interface TotalDifference {
  readonly name: string;
  /** As it is written down. */
  readonly ledger: Sum;
  readonly log: Sum;
  /** `ledger` less `log`. */
  readonly difference: Sum;
  /** What makes the difference; `row` is what the total's row has that the ledger's own events do not make. */
  readonly parts: readonly (Sum & { readonly kind: Kind | 'row' })[];
}

class Account {
  readonly amount = new Amount();
  count = 0;

  add({ a, b }: Pick<SumEvent, 'a' | 'b'>): void {
    this.amount.add(a);
    this.amount.add(b);
    this.count++;
  }

  addStored({ total, count }: Pick<StoredTotal, 'total' | 'count'>): void {
    this.amount.add(total);
    this.count += count;
  }

  plus(other: Account, sign: 1 | -1): void {
    if (sign === 1) this.amount.addAmount(other.amount);
    else this.amount.subtract(other.amount);
    this.count += sign * other.count;
  }

  get isZero(): boolean {
    return this.amount.isZero && this.count === 0;
  }

  toSum(): Sum {
    return { total: this.amount.toString(), count: this.count };
  }
}

interface Accounts {
  readonly stored: Account;
  readonly events: Account;
  readonly log: Account;
  /** What each kind of difference adds to the ledger. */
  readonly parts: ReadonlyMap<Kind, Account>;
}

export class TotalAccounts {
  readonly #totals = new Map<string, Accounts>();

  get size(): number {
    return this.#totals.size;
  }

  addStored(total: StoredTotal): void {
    this.#of(total.name).stored.addStored(total);
  }

  /** What was in a total before all events that are kept: of that only the ledger knows. */
  addOpening(total: StoredTotal): void {
    const { events, log } = this.#of(total.name);
    events.addStored(total);
    log.addStored(total);
  }

  addEvent(event: SumEvent): void {
    this.#of(event.total).events.add(event);
  }

  /** What counts by the log. */
  addCounting(event: SumEvent): void {
    this.#of(event.total).log.add(event);
  }

  explain(difference: Difference): void {
    const { kind } = difference;
    if (kind === 'missing') this.#part(difference.record, kind, -1);
    else if (kind === 'withoutRecord' || kind === 'countedAgain') this.#part(difference.event, kind, 1);
    else if (kind === 'otherAmount') {
      this.#part(difference.event, kind, 1);
      this.#part(difference.record, kind, -1);
    }
  }

  /** @throws AppError `internal` when the differences do not explain a total: a bug of the audit */
  differences(): TotalDifference[] {
    const found: TotalDifference[] = [];
    for (const [name, { stored, events, log, parts }] of this.#totals) {
      const row = new Account();
      row.plus(stored, 1);
      row.plus(events, -1);
      const difference = new Account();
      difference.plus(stored, 1);
      difference.plus(log, -1);
      const rest = new Account();
      for (const part of [difference, row, ...parts.values()]) rest.plus(part, part === difference ? 1 : -1);
      if (!rest.isZero) throw new AppError('internal', `the difference of total "${name}" is not explained`);
      const made = [...kinds.map((kind) => [kind, parts.get(kind)] as const), ['row', row] as const].flatMap(
        ([kind, part]) => (part === undefined || part.isZero ? [] : [{ kind, ...part.toSum() }]),
      );
      // Parts that cancel each other out are a difference all the same.
      if (made.length === 0) continue;
      const [ledgerSum, logSum, differenceSum] = [stored.toSum(), log.toSum(), difference.toSum()];
      found.push({ name, ledger: ledgerSum, log: logSum, difference: differenceSum, parts: made });
    }
    return found.sort((x, y) => (x.name < y.name ? -1 : 1));
  }

  #part(event: SumEvent, kind: Kind, sign: 1 | -1): void {
    const { parts } = this.#of(event.total);
    const single = new Account();
    single.add(event);
    parts.get(kind)?.plus(single, sign);
  }

  #of(name: string): Accounts {
    let accounts = this.#totals.get(name);
    if (accounts === undefined) {
      const parts = new Map(kinds.map((kind) => [kind, new Account()]));
      accounts = { stored: new Account(), events: new Account(), log: new Account(), parts };
      this.#totals.set(name, accounts);
    }
    return accounts;
  }
}
