// The clients: they send each request until they know what became of it, or give up, or give up and come back; twice at
// once, and again when they know already. What they are told goes to the model.

import type { AddResult } from '../../proto/generated/tally/v1/AddResult.ts';
import type { AddAnswer, AddCallData } from './adders.ts';
import { ask } from './ask.ts';
import { toUnits } from './fixed-point.ts';
import type { HttpAnswer } from './http-messages.ts';
import type { Meaning, Model } from './model.ts';
import { network } from './network.ts';
import { problemOf } from './problem.ts';
import {
  type Asked,
  type ClientRequest,
  drawMistake,
  drawRequest,
  toAddRequest,
  toBinary,
  toJson,
} from './requests-of-clients.ts';
import type { Task } from './task-queue.ts';
import { world } from './world.ts';

const maxAttempts = 8;
/** What a gRPC client gets where the server gave no status. */
const codes = { ok: 0, deadlineExceeded: 4, alreadyExists: 6, resourceExhausted: 8, unavailable: 14 };

type Outcome = 'known' | 'unknown' | 'refused';

export class Clients {
  readonly process = world().createProcess('clients');
  readonly #model: Model;
  readonly #planned = new Map<Task, () => void>();
  readonly #requests: ClientRequest[] = [];
  #open = 0;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Nothing is under way and nothing is planned. */
  get isIdle(): boolean {
    return this.#open === 0 && this.#planned.size === 0;
  }

  /** Draws the requests and when each begins. */
  begin(): void {
    const { dice, profile } = world();
    let together: ClientRequest[] = [];
    for (let number = 1; number <= profile.requests; number++) {
      const request = drawRequest(number);
      this.#requests.push(request);
      if (together.length > 0 && together[0]?.route !== request.route) {
        this.#beginTogether(together);
        together = [];
      }
      if (request.route === 'batch' || request.route === 'stream') together.push(request);
      else this.#plan(dice.between(0, profile.durationMs), () => this.#send([request]));
      if (together.length > 0 && dice.chance(0.3)) {
        this.#beginTogether(together);
        together = [];
      }
    }
    this.#beginTogether(together);
  }

  /**
   * Some come back with what they have sent before, and some are new.
   * @param share of the earlier requests, which of them come again
   */
  comeBack(withinMs: number, share = 0.2): void {
    const { dice } = world();
    for (let left = dice.integer(0, 3); left > 0; left--) {
      const request = drawRequest(this.#requests.length + 1);
      this.#requests.push(request);
      this.#plan(dice.between(0, withinMs), () => {
        this.#send([request]);
      });
    }
    for (const request of this.#requests) {
      if (request.firstSentAt === undefined || !dice.chance(share)) continue;
      this.#plan(dice.between(0, withinMs), () => {
        this.#retry(request);
      });
    }
  }

  /** What was planned for later happens now. */
  hurry(): void {
    for (const [task, run] of [...this.#planned]) {
      task.isCancelled = true;
      this.#planned.delete(task);
      this.#plan(world().dice.between(0, 1_000), run);
    }
  }

  #beginTogether(requests: readonly ClientRequest[]): void {
    if (requests.length === 0) return;
    this.#plan(world().dice.between(0, world().profile.durationMs), () => {
      this.#send(requests);
    });
  }

  #plan(delayMs: number, run: () => void): void {
    const task = world().schedule(this.process.main, delayMs, () => {
      this.#planned.delete(task);
      run();
    });
    this.#planned.set(task, run);
  }

  /** One attempt for all of them, and sometimes a second at once. */
  #send(requests: readonly ClientRequest[]): void {
    const { dice, profile } = world();
    this.#attempt(requests);
    const isConfused = requests.some(({ mistake }) => mistake !== undefined);
    if (dice.chance(isConfused ? 0.3 : profile.repeats / 3)) {
      world().count('requests sent twice at once');
      this.#attempt(requests);
    }
  }

  #attempt(requests: readonly ClientRequest[]): void {
    const { dice, now, profile } = world();
    const asked = requests.map((request) => {
      request.firstSentAt ??= now;
      request.attempts++;
      const { mistake } = request;
      return this.#ask(request, mistake !== undefined && dice.chance(0.4) ? mistake : request.meaning);
    });
    const [first] = asked;
    if (first === undefined) return;
    // Twice in one batch, and not the same: the whole batch is to be refused.
    if (first.request.route === 'batch' && profile.conflictShare > 0 && dice.chance(0.4)) {
      const { request } = dice.pick(asked);
      asked.push(this.#ask(request, drawMistake(request.meaning)));
    }
    switch (first.request.route) {
      case 'add':
        this.#add(first);
        return;
      case 'stream':
        this.#addAll(asked);
        return;
      case 'sink':
        this.#post('log', '/default/sums', asked);
        return;
      case 'post':
      case 'batch':
        this.#post('accumulate', '/', asked);
    }
  }

  #ask(request: ClientRequest, meaning: Meaning): Asked {
    this.#model.willSend(request.key, meaning);
    if (request.route !== 'batch') this.#model.mayBeCounted(request.key);
    return { request, meaning };
  }

  #add(asked: Asked): void {
    const { dice } = world();
    const request = toAddRequest(asked.request, asked.meaning);
    const data: AddCallData = {
      requests: [request],
      isStream: false,
      timeoutMs: dice.magnitude(50, 30_000),
      sentAt: world().now,
    };
    this.#call('add', data, data.timeoutMs, (answer) => {
      this.#after(asked.request, this.#judgeAdd(asked, answer as AddAnswer | undefined));
    });
  }

  #judgeAdd({ request, meaning }: Asked, answer: AddAnswer | undefined): Outcome {
    if (answer === undefined) return 'unknown';
    switch (answer.code) {
      case codes.deadlineExceeded:
      case codes.resourceExhausted:
      case codes.unavailable:
        return 'unknown';
      case codes.ok: {
        const sum = toUnits(meaning.a) + toUnits(meaning.b);
        if (toUnits(answer.sum ?? '') !== sum) {
          world().violate(
            'I3',
            `the sum of ${meaning.a} and ${meaning.b} was answered as ${answer.sum ?? ''}`,
          );
        }
        this.#model.acknowledge(request.key, meaning, false);
        return 'known';
      }
      case codes.alreadyExists:
        this.#model.conflict(request.key);
        return 'refused';
      default:
        world().violate('process', `Add answered ${answer.code}: ${answer.message}`);
        return 'refused';
    }
  }

  #addAll(asked: readonly Asked[]): void {
    const waiting = new Map(asked.entries());
    const data: AddCallData = {
      requests: asked.map(({ request, meaning }) => toAddRequest(request, meaning)),
      isStream: true,
      timeoutMs: world().dice.magnitude(50, 30_000),
      sentAt: world().now,
      onResult: (result: AddResult) => {
        world().schedule(this.process.main, network().latency(), () => {
          const index = Number(result.index ?? 0);
          const item = waiting.get(index);
          if (item === undefined) return;
          waiting.delete(index);
          const { error, response } = result;
          const answer = { code: error?.code ?? 0, message: error?.message ?? '', sum: response?.sum ?? '' };
          this.#after(item.request, this.#judgeAdd(item, answer));
        });
      },
    };
    this.#call('add', data, data.timeoutMs, () => {
      // The last results may still be on their way.
      this.#plan(100, () => {
        for (const { request } of waiting.values()) this.#after(request, 'unknown');
        waiting.clear();
      });
    });
  }

  #post(host: string, path: string, asked: readonly Asked[]): void {
    const { dice } = world();
    const [first] = asked;
    if (first === undefined) return;
    const isBatch = first.request.route === 'batch';
    const request =
      isBatch || dice.chance(0.5)
        ? toJson(path, asked, isBatch)
        : toBinary(path, first.request, first.meaning);
    this.#call(host, request, dice.magnitude(50, 30_000), (answer) => {
      const outcome = this.#judgePost(asked, answer as HttpAnswer | undefined);
      if (outcome !== 'refused') for (const each of asked) this.#model.mayBeCounted(each.request.key);
      for (const each of asked) this.#after(each.request, outcome);
    });
  }

  #judgePost(asked: readonly Asked[], answer: HttpAnswer | undefined): Outcome {
    if (answer === undefined) return 'unknown';
    switch (answer.status) {
      case 404:
      case 503:
        return 'unknown';
      case 202:
      case 204:
        for (const { request, meaning } of asked) {
          this.#model.acknowledge(request.key, meaning, answer.status === 204);
        }
        return 'known';
      case 422:
        if (problemOf(answer.body) !== 'conflict') return 'known';
        if (asked.length === 1) for (const { request } of asked) this.#model.conflict(request.key);
        return 'refused';
      default:
        world().violate('process', `a POST was answered ${answer.status}: ${answer.body.toString()}`);
        return 'refused';
    }
  }

  /** Calls one of the replicas; `done` is called once, with the answer if there was one in time. */
  #call(host: string, request: unknown, timeoutMs: number, done: (answer: unknown) => void): void {
    this.#open++;
    ask(this.process.main, host, request, timeoutMs, (answer) => {
      this.#open--;
      done(answer);
    });
  }

  /** What a client does when it has been told, or not. */
  #after(request: ClientRequest, outcome: Outcome): void {
    const { dice, profile, now, isCalm } = world();
    if (request.attempts >= maxAttempts) return;
    if (!dice.chance(outcome === 'unknown' ? profile.patience : profile.repeats)) return;
    // Past this a retry would be later than the deduplication window permits.
    const leftMs = profile.windowMs * 0.4 - (now - (request.firstSentAt ?? now));
    if (leftMs <= 0 && request.route !== 'post' && request.route !== 'batch') return;
    const soonMs = dice.magnitude(10, 5_000);
    const lateMs = dice.between(0, Math.max(0, leftMs));
    this.#plan(isCalm ? soonMs / 10 : dice.chance(0.8) ? soonMs : lateMs, () => {
      this.#retry(request);
    });
  }

  #retry(request: ClientRequest): void {
    const { profile, now } = world();
    // Time may have leapt.
    const isTooLate = now - (request.firstSentAt ?? now) > profile.windowMs * 0.4;
    if (isTooLate && request.route !== 'post' && request.route !== 'batch') return;
    world().count('retries of clients');
    this.#send([request]);
  }
}
