// Readers: they ask any replica for totals and for requests, at any time, and tell the model what they were told.

import { ask } from './ask.ts';
import type { HttpAnswer } from './http-messages.ts';
import { keyOf, type Model, type ToldTotal } from './model.ts';
import { world } from './world.ts';

const timeoutMs = 40_000;

export class Readers {
  readonly process = world().createProcess('readers');
  readonly #model: Model;
  /** The last answer for each total, with the tag that it had. */
  readonly #tagged = new Map<string, { readonly tag: string; readonly told: ToldTotal }>();

  constructor(model: Model) {
    this.#model = model;
  }

  begin(): void {
    for (let reader = 0; reader < world().profile.readers; reader++) this.#readOn();
  }

  /** All totals as one replica tells them, each by itself; undefined while it cannot tell. */
  readAll(host: string, done: (totals: readonly ToldTotal[] | undefined) => void): void {
    this.#get(host, '/totals?limit=1000', {}, (answer) => {
      if (answer?.status !== 200) {
        done(undefined);
        return;
      }
      const { totals } = parse(answer) as { totals: ToldTotal[] };
      this.#readEach(host, totals, [], done);
    });
  }

  #readEach(
    host: string,
    [next, ...rest]: readonly ToldTotal[],
    told: readonly ToldTotal[],
    done: (totals: readonly ToldTotal[] | undefined) => void,
  ): void {
    if (next === undefined) {
      done(told);
      return;
    }
    this.#get(host, `/totals/${next.name}`, {}, (answer) => {
      if (answer?.status !== 200) done(undefined);
      else this.#readEach(host, rest, [...told, parse(answer) as ToldTotal], done);
    });
  }

  #readOn(): void {
    const { dice, profile } = world();
    world().schedule(this.process.main, dice.wait(profile.durationMs / 15), () => {
      if (world().isCalm) return;
      const again = (): void => {
        this.#readOn();
      };
      if (dice.chance(0.3)) this.#readRequest(again);
      else this.#readTotal(dice.pick(['default', 'sales', 'stock', 'votes'].slice(0, profile.totals)), again);
    });
  }

  #readTotal(name: string, done: () => void): void {
    const tell = this.#model.beginRead(name);
    const known = this.#tagged.get(name);
    const headers = known !== undefined && world().dice.chance(0.5) ? { 'if-none-match': known.tag } : {};
    this.#get('accumulate', `/totals/${name}`, headers, (answer) => {
      if (answer?.status === 200) {
        const told = parse(answer) as ToldTotal;
        const { etag = '' } = answer.headers;
        this.#tagged.set(name, { tag: etag, told });
        tell(told);
      } else if (answer?.status === 304 && known !== undefined) tell(known.told);
      else if (answer?.status === 404) tell({ name, total: '0', count: 0, version: 0 });
      else this.#check(answer);
      done();
    });
  }

  #readRequest(done: () => void): void {
    const { dice } = world();
    const sent = [...this.#model.sent.keys()];
    if (sent.length === 0) {
      done();
      return;
    }
    const key = dice.pick(sent);
    const [source = '', id = ''] = key.split(' ');
    const wait = dice.chance(0.5) ? `&wait=${dice.integer(1, 3_000)}ms` : '';
    const mustBeThere = this.#model.mustBeFound(key);
    const path = `/requests/${encodeURIComponent(id)}?source=${encodeURIComponent(source)}${wait}`;
    this.#get('accumulate', path, {}, (answer) => {
      if (answer?.status === 200) {
        const entry = parse(answer) as { source: string; id: string; total: string; a: string; b: string };
        this.#model.found(keyOf(entry.source, entry.id), entry);
        if (keyOf(entry.source, entry.id) !== key)
          world().violate('I4', `${key} was asked for, told was ${entry.id}`);
      } else if (answer?.status === 404) {
        if (mustBeThere) world().violate('I4', `${key} was acknowledged as counted and then not found`);
      } else this.#check(answer);
      done();
    });
  }

  #check(answer: HttpAnswer | undefined): void {
    if (answer === undefined || answer.status === 503) return;
    world().violate('process', `a read was answered ${answer.status}: ${answer.body.toString()}`);
  }

  #get(
    host: string,
    path: string,
    headers: Record<string, string>,
    done: (answer: HttpAnswer | undefined) => void,
  ): void {
    const request = { method: 'GET', path, headers, body: Buffer.alloc(0) };
    ask(this.process.main, host, request, timeoutMs, (answer) => {
      done(answer as HttpAnswer | undefined);
    });
  }
}

function parse({ body }: HttpAnswer): unknown {
  return JSON.parse(body.toString());
}
