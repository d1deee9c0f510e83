// One run, from its seed to what was found: the system under load while things go wrong, then in calm until all has come to
// rest, perhaps once more after a power cut, and then everything compared.

import { verifyVolume } from '../../functions/accumulate/ledger/verify.ts';
import { Volume as LedgerVolume } from '../../functions/accumulate/ledger/volume.ts';
import { Clients } from './clients.ts';
import { Dice } from './dice.ts';
import { Happenings } from './happenings.ts';
import { Model, type ToldTotal } from './model.ts';
import { Network, setNetwork } from './network.ts';
import { drawProfile } from './profile.ts';
import { Readers } from './readers.ts';
import { System } from './system.ts';
import { setVolumes } from './volume.ts';
import { Witness } from './witness.ts';
import { enter, type Violation, World, world } from './world.ts';

/** Far more than any run needs that comes to an end. */
const maxSteps = 300_000;

export interface Finding {
  readonly seed: number;
  readonly hash: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
  readonly lines: readonly string[];
}

/** What the run itself does has failed, which is a violation: nothing is left to be compared. */
class EndedEarly extends Error {
  constructor() {
    super(world().violations.at(-1)?.message);
  }
}

/** Runs the simulation of one seed. */
export function simulate(seed: number, isTraced = false): Finding {
  const dice = new Dice(seed);
  const run = new World(seed, dice, drawProfile(dice), isTraced);
  const { stackTraceLimit } = Error;
  // Most errors here are part of the play: where they come from costs more than what they say.
  if (!isTraced) Error.stackTraceLimit = 0;
  enter(run);
  try {
    const simulation = new Simulation();
    try {
      simulation.run();
    } catch (error) {
      if (!(error instanceof EndedEarly)) throw error;
    }
    return {
      seed,
      hash: run.hash,
      steps: run.steps,
      simulatedMs: run.now,
      events: simulation.model.events,
      faults: run.faults,
      violations: run.violations,
      lines: run.lines ?? [],
    };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    enter(undefined);
  }
}

class Simulation {
  readonly model = new Model();
  readonly #control = world().createProcess('control');
  readonly #system: System;
  readonly #clients: Clients;
  readonly #readers: Readers;
  readonly #witness: Witness;

  constructor() {
    const net = new Network((host) => this.#system.resolve(host));
    setNetwork(net);
    this.#witness = new Witness(this.model, net);
    this.#system = this.#asControl(() => new System(this.#control));
    this.#clients = new Clients(this.model);
    this.#readers = new Readers(this.model);
  }

  run(): void {
    const { dice, profile } = world();
    const { ledgerVolume, logVolume } = this.#system;
    setVolumes([ledgerVolume, logVolume]);
    ledgerVolume.onRemove = (name, content) => {
      this.#witness.keepEvents(name, content);
    };
    const happenings = new Happenings(this.#system, this.#clients);
    let isOver = false;
    this.#asControl(() => {
      happenings.begin();
      this.#clients.begin();
      this.#readers.begin();
      world().schedule(this.#control.main, profile.durationMs, () => {
        isOver = true;
      });
    });
    world().run(() => isOver, maxSteps);
    this.#asControl(() => {
      happenings.end();
      this.#clients.hurry();
    });
    this.#comeToRest();
    if (dice.chance(0.5)) {
      this.#asControl(() => {
        ledgerVolume.cutPower();
        logVolume.cutPower();
        this.#clients.comeBack(1_000);
      });
      this.#comeToRest();
    }
    if (world().violations.length === 0) this.#compare();
    for (const { database } of [...ledgerVolume.inodes, ...logVolume.inodes]) database?.discard();
  }

  #compare(): void {
    const { logVolume } = this.#system;
    let totals: (readonly ToldTotal[])[];
    let events: number;
    do {
      this.#keepEvents();
      events = this.model.events;
      totals = this.#readTotals();
      this.#keepEvents();
      // A request that nobody waits for any more may have arrived in between.
    } while (this.model.events > events);
    this.model.check(totals, this.#witness.deadLetters(logVolume), (offset) =>
      this.#witness.attemptsOf(offset),
    );
    if (world().dice.chance(0.1)) this.#verify();
    world().note('end', this.model.events, () => `${this.model.events} events`);
  }

  #keepEvents(): void {
    for (const [name, { database }] of this.#system.ledgerVolume.names)
      this.#witness.keepEvents(name, database);
  }

  #asControl<T>(run: () => T): T {
    let result: { readonly value: T } | undefined;
    world().runOn(this.#control.main, () => {
      result = { value: run() };
    });
    if (result === undefined) throw new EndedEarly();
    return result.value;
  }

  #comeToRest(): void {
    const status = () => (this.#clients.isIdle ? this.#system.eventLog?.status() : undefined);
    const isAtRest = (): boolean => {
      const { lag, inFlight } = status() ?? {};
      return lag === 0 && inFlight === 0 && this.#system.isUp;
    };
    let steps = 0;
    // To look at everything after each step would be most of the work.
    if (world().run(() => ++steps % 16 === 0 && this.#asControl(isAtRest), maxSteps)) return;
    const { lag, inFlight } = this.#asControl(status) ?? {};
    const state = `lag ${lag ?? 'unknown'}, in flight ${inFlight ?? 'unknown'}, all up: ${this.#system.isUp}`;
    world().violate('progress', `no rest after ${maxSteps} steps in calm: ${state}`);
  }

  /** All totals, as each replica tells them. */
  #readTotals(): (readonly ToldTotal[])[] {
    const told: (readonly ToldTotal[])[] = [];
    const replicas = this.#system.wanted('accumulate');
    world().runOn(this.#readers.process.main, () => {
      for (const { name } of replicas) {
        this.#readers.readAll(name, (totals) => {
          if (totals === undefined) world().violate('I4', `${name} does not tell its totals`);
          told.push(totals ?? []);
        });
      }
    });
    world().run(() => told.length === replicas.length, maxSteps);
    return told;
  }

  /** `tally verify`. */
  #verify(): void {
    this.#asControl(() => {
      const volume = new LedgerVolume('/ledger', 'read');
      for (const problem of verifyVolume(volume, () => undefined).problems) world().violate('I5', problem);
      volume.close();
    });
  }
}
