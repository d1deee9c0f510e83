// The simulated network: a call from one process to an endpoint of another takes time both ways, and may be refused,
// lost before or after it was handled, duplicated, cut off in the middle or never answered.

import type { HttpAnswer, HttpRequest } from './http-messages.ts';
import type { SimProcess } from './sim-process.ts';
import { world } from './world.ts';

/** What becomes of a call. */
export type Fate =
  'pass' | 'lose request' | 'lose answer' | 'silence' | 'silent answer' | 'duplicate' | 'cut body' | 'refuse';

export const fates: readonly Exclude<Fate, 'pass'>[] = [
  'lose request',
  'lose answer',
  'silence',
  'silent answer',
  'duplicate',
  'cut body',
  'refuse',
];

/** What the caller is told. One of `onAnswer` and `onError` is called, once, or none when nothing ever comes. */
export interface Caller<Answer> {
  /** Connected, about to send. */
  onStart?(): void;
  onAnswer(answer: Answer): void;
  onError(error: Error): void;
}

/** Where calls arrive. */
export interface Endpoint<Request, Answer> {
  readonly process: SimProcess;
  readonly isListening: boolean;
  /** Whether it answers before it returns from `accept`. */
  answersAtOnce(request: Request): boolean;
  accept(request: Request, incoming: Incoming<Answer>): void;
}

type AnyEndpoint = Endpoint<never, never>;

/** A call as its endpoint has it. */
export class Incoming<Answer> {
  /** The caller goes away before its request is complete. */
  readonly isCut: boolean;
  /** Called when the caller is gone before the answer. */
  onGone: () => void = () => undefined;
  readonly #send: (answer: Answer | undefined) => void;
  isOver = false;

  constructor(isCut: boolean, send: (answer: Answer | undefined) => void) {
    this.isCut = isCut;
    this.#send = send;
  }

  answer(answer: Answer): void {
    this.#end(answer);
  }

  /** Ends the connection without an answer. */
  reset(): void {
    this.#end(undefined);
  }

  #end(answer: Answer | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#send(answer);
  }
}

export class Network {
  /** Finds the endpoint of a host, when there is one that can be reached. */
  readonly resolve: (host: string) => AnyEndpoint | undefined;
  /** From a process's name to a host: until when nothing passes. */
  readonly partitions = new Map<string, number>();
  /** Who listens. */
  readonly endpoints = new Map<SimProcess, AnyEndpoint>();
  /** Told of each call that begins. */
  onCall: (host: string, request: unknown) => void = () => undefined;
  /** Told of each HTTP answer, in the process that gives it. */
  onHttpAnswer: (request: HttpRequest, answer: HttpAnswer) => void = () => undefined;
  readonly #calls = new Map<SimProcess, Set<Ending>>();

  constructor(resolve: (host: string) => AnyEndpoint | undefined) {
    this.resolve = resolve;
  }

  /** One way, in milliseconds: short most of the time, now and then long enough to overtake others. */
  latency(): number {
    const { dice, profile, isCalm } = world();
    const usual = dice.between(0.1, 1) * profile.latencyMs;
    return !isCalm && dice.chance(profile.lateness) ? usual * dice.magnitude(10, 1_000) : usual;
  }

  drawFate(from: SimProcess, host: string): Fate {
    const { dice, profile, isCalm, now } = world();
    if (isCalm) return 'pass';
    if ((this.partitions.get(`${from.name} ${host}`) ?? 0) > now) return 'silence';
    let left = dice.next();
    for (const fate of fates) {
      left -= profile.fates[fate];
      if (left < 0) {
        world().count(fate);
        return fate;
      }
    }
    return 'pass';
  }

  /** Tells `ending` when the process ends. */
  watch(process: SimProcess, ending: Ending): void {
    let calls = this.#calls.get(process);
    if (calls === undefined) {
      const all = new Set<Ending>();
      process.atEnd.push(() => {
        for (const each of [...all]) each.processEnded(process);
      });
      this.#calls.set(process, (calls = all));
    }
    calls.add(ending);
  }

  unwatch(process: SimProcess, ending: Ending): void {
    this.#calls.get(process)?.delete(ending);
  }
}

/** What is to hear of the end of a process. */
export interface Ending {
  processEnded(process: SimProcess): void;
}

let active: Network | undefined;

export function network(): Network {
  if (active === undefined) throw new Error('there is no network');
  return active;
}

export function setNetwork(next: Network): void {
  active = next;
}
