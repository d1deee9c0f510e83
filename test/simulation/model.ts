// What clients sent and were told, and whether what the system says and holds agrees with it: I1 to I7.

import { toText, toUnits } from './fixed-point.ts';
import { History } from './history.ts';
import { world } from './world.ts';

/** What one request means. An id may be sent with another meaning, by mistake: that is a second one. */
export interface Meaning {
  readonly total: string;
  readonly a: string;
  readonly b: string;
}

/** An event as the ledger has stored it. */
export interface StoredEvent {
  readonly seq: number;
  readonly source: string;
  readonly id: string;
  readonly total: string;
  readonly a: string;
  readonly b: string;
}

/** A total as a reader was told. */
export interface ToldTotal {
  readonly name: string;
  readonly total: string;
  readonly count: number;
  readonly version: number;
}

export interface DeadLetter {
  readonly key: string;
  readonly meaning: string;
  readonly offset: number;
  readonly code: number | undefined;
  /** The kind of problem that accumulate named, when it did. */
  readonly problem: string | undefined;
}

export function keyOf(source: string, id: string): string {
  return `${source} ${id}`;
}

/** Equal for equal meanings, in whatever way the numbers are written. */
export function meaningText({ total, a, b }: Meaning): string {
  return `${total === '' ? 'default' : total}: ${toText(toUnits(a))} + ${toText(toUnits(b))}`;
}

interface Acknowledged {
  readonly key: string;
  readonly meaning: string;
  /** Whether it was accumulate who said so: then it is counted, and in no dead letters. */
  readonly isCounted: boolean;
}

export class Model {
  readonly sent = new Map<string, Set<string>>();
  readonly #possible = new Set<string>();
  readonly #acknowledged: Acknowledged[] = [];
  /** What accumulate has acknowledged, by total. */
  readonly #counted = new Map<string, Set<string>>();
  readonly #expired = new Set<string>();
  readonly #lastVersions = new Map<string, number>();
  readonly #reads: ToldTotal[] = [];
  readonly #found: { readonly key: string; readonly meaning: string }[] = [];
  readonly #events = new Map<number, StoredEvent>();

  get events(): number {
    return this.#events.size;
  }

  willSend(key: string, meaning: Meaning): void {
    const meanings = this.sent.get(key) ?? new Set();
    this.sent.set(key, meanings.add(meaningText(meaning)));
  }

  /** An attempt was made that was not refused as a whole. */
  mayBeCounted(key: string): void {
    this.#possible.add(key);
  }

  /** A client was told that its request is taken. */
  acknowledge(key: string, meaning: Meaning, isCounted: boolean): void {
    this.#acknowledged.push({ key, meaning: meaningText(meaning), isCounted });
    world().note('acknowledged', this.#acknowledged.length, () => `${key} ${meaningText(meaning)}`);
  }

  /** accumulate answers that the event is counted. */
  markCounted(key: string, total: string): void {
    const keys = this.#counted.get(total) ?? new Set();
    this.#counted.set(total, keys.add(key));
  }

  /** Whether a read that begins now has to find the request: it may be pruned where time leaps. */
  mustBeFound(key: string): boolean {
    if (world().profile.leaps > 0) return false;
    return [...this.#counted.values()].some((keys) => keys.has(key));
  }

  /** accumulate answers that the event is too old, by a clock by which it is. */
  markExpired(key: string): void {
    this.#expired.add(key);
  }

  /** A client is told that its id is known with another meaning. */
  conflict(key: string): void {
    if ((this.sent.get(key)?.size ?? 0) < 2) {
      world().violate('I6', `${key} was sent with one meaning only and was refused as a conflict`);
    }
  }

  /** Begins a read; the function that it gives is told what was read. */
  beginRead(name: string): (told: ToldTotal) => void {
    const least = this.#counted.get(name)?.size ?? 0;
    const leastVersion = this.#lastVersions.get(name) ?? 0;
    return (told) => {
      if (told.count < least) {
        world().violate(
          'I4',
          `${name} was read with ${told.count} events when ${least} had been acknowledged`,
        );
      }
      if (told.version < leastVersion) {
        world().violate('I4', `${name} was read at version ${told.version} after ${leastVersion}`);
      }
      this.#lastVersions.set(name, Math.max(told.version, this.#lastVersions.get(name) ?? 0));
      this.#reads.push(told);
    };
  }

  /** accumulate says that the request is counted, with this meaning. */
  found(key: string, meaning: Meaning): void {
    this.#found.push({ key, meaning: meaningText(meaning) });
  }

  /** Keeps an event that is stored, also when its generation is deleted. */
  keep(event: StoredEvent): void {
    const known = this.#events.get(event.seq);
    if (known !== undefined && keyOf(known.source, known.id) !== keyOf(event.source, event.id)) {
      world().violate('I5', `event ${event.seq} was ${known.id} and is ${event.id}`);
    }
    this.#events.set(event.seq, event);
  }

  /**
   * Compares everything, after all has come to rest.
   * @param totals as each replica tells them
   */
  check(
    totals: readonly (readonly ToldTotal[])[],
    deadLetters: readonly DeadLetter[],
    attemptsOf: (offset: number) => number,
  ): void {
    const events = [...this.#events.values()].sort((x, y) => x.seq - y.seq);
    const counted = this.#checkEvents(events);
    const history = new History(events);
    for (const told of totals) {
      for (const name of new Set([...history.names, ...told.map((each) => each.name)])) {
        history.check(told.find((each) => each.name === name) ?? none(name), Number.MAX_SAFE_INTEGER, 'I3');
      }
    }
    for (const read of this.#reads) history.check(read, read.version, 'I4');
    for (const { key, meaning } of this.#found) {
      if (counted.get(key) !== meaning) {
        world().violate('I4', `${key} was found as ${meaning}, counted is ${counted.get(key) ?? 'nothing'}`);
      }
    }
    this.#checkDeadLetters(deadLetters, counted, attemptsOf);
    this.#checkAcknowledged(counted, deadLetters);
  }

  #checkEvents(events: readonly StoredEvent[]): Map<string, string> {
    const counted = new Map<string, string>();
    let expected = 0;
    for (const event of events) {
      if (event.seq !== ++expected) {
        world().violate('I5', `event ${expected} is missing`);
        expected = event.seq;
      }
      const key = keyOf(event.source, event.id);
      const meaning = meaningText(event);
      if (counted.has(key))
        world().violate('I2', `${key} is counted twice, the second time as event ${event.seq}`);
      if (this.sent.get(key)?.has(meaning) !== true) {
        world().violate('I6', `${key} is counted as ${meaning}, which nobody sent`);
      }
      // A batch that is refused leaves nothing behind.
      if (!this.#possible.has(key)) world().violate('I5', `${key} is counted, and was refused each time`);
      counted.set(key, meaning);
    }
    return counted;
  }

  #checkDeadLetters(
    deadLetters: readonly DeadLetter[],
    counted: ReadonlyMap<string, string>,
    attemptsOf: (offset: number) => number,
  ): void {
    const attempts = world().profile.deliveryRetries + 1;
    for (const { key, meaning, offset, code, problem } of deadLetters) {
      const letter = `the dead letter of offset ${offset}, ${key}, with status ${code ?? 'none'} ${problem ?? ''}`;
      if (problem === 'conflict') {
        if (!counted.has(key) || counted.get(key) === meaning) {
          world().violate('I6', `${letter}: counted is ${counted.get(key) ?? 'nothing'}, it is ${meaning}`);
        }
      } else if (problem === 'expired') {
        if (!this.#expired.has(key)) world().violate('I1', `${letter}: it was not too old`);
      } else if (code !== undefined && code < 500 && ![404, 408, 409, 429].includes(code)) {
        world().violate('I1', `${letter}: nobody sent anything that deserves it`);
      } else if (attemptsOf(offset) < attempts) {
        world().violate('I1', `${letter}: after ${attemptsOf(offset)} attempts of ${attempts}`);
      }
    }
  }

  #checkAcknowledged(counted: ReadonlyMap<string, string>, deadLetters: readonly DeadLetter[]): void {
    const dead = new Set(deadLetters.map(({ key, meaning }) => `${key} ${meaning}`));
    for (const { key, meaning, isCounted } of this.#acknowledged) {
      if (counted.get(key) === meaning) continue;
      if (!isCounted && dead.has(`${key} ${meaning}`)) continue;
      world().violate(
        'I1',
        `${key} was acknowledged as ${meaning}; counted is ${counted.get(key) ?? 'nothing'}`,
      );
    }
  }
}

function none(name: string): ToldTotal {
  return { name, total: '0', count: 0, version: 0 };
}
