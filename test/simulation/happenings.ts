// What happens to the system as a whole in a run: ends and replacements, bad times of its disks and its network, clocks that are set,
// and time that leaps over hours and days in which everything stands still.

import type { Clients } from './clients.ts';
import { type Happening, happenings } from './profile.ts';
import { network } from './network.ts';
import type { Part, System } from './system.ts';
import { world } from './world.ts';

export class Happenings {
  readonly #system: System;
  readonly #clients: Clients;

  constructor(system: System, clients: Clients) {
    this.#system = system;
    this.#clients = clients;
  }

  begin(): void {
    const { dice, profile } = world();
    for (const happening of happenings) this.#plan(happening);
    for (let leap = 0; leap < profile.leaps; leap++) {
      world().schedule(this.#system.control.main, dice.between(0, profile.durationMs), () => {
        this.#leap();
      });
    }
  }

  /** From now on nothing goes wrong any more, and what did is put right. */
  end(): void {
    world().isCalm = true;
    for (const part of this.#system.parts) this.#setClock(part, 0);
  }

  #plan(happening: Happening): void {
    const { dice, profile } = world();
    const delayMs = dice.wait(profile.every[happening]);
    if (delayMs > profile.durationMs) return;
    world().schedule(this.#system.control.main, delayMs, () => {
      if (world().isCalm) return;
      world().count(happening);
      world().note('happens', happenings.indexOf(happening), () => happening);
      this.#happen(happening);
      this.#plan(happening);
    });
  }

  #happen(happening: Happening): void {
    const { dice, profile, now } = world();
    const volume = dice.pick([this.#system.ledgerVolume, this.#system.ledgerVolume, this.#system.logVolume]);
    const part = dice.pick(this.#system.wanted(dice.pick(['add', 'log', 'accumulate'])));
    const until = now + dice.magnitude(profile.durationMs / 100, profile.durationMs / 3);
    switch (happening) {
      case 'kill':
        this.#system.kill(part);
        return;
      case 'rollout':
        this.#system.replace(part);
        return;
      case 'scale':
        this.#scale();
        return;
      case 'power cut':
        volume.cutPower();
        return;
      case 'full disk':
        volume.fullUntil = until;
        return;
      case 'slow disk':
        volume.slowUntil = until;
        volume.slowness = dice.magnitude(10, 5_000);
        return;
      case 'foreign lock':
        this.#system.ledgerVolume.lockedUntil = now + dice.magnitude(1, 300);
        return;
      case 'partition':
        network().partitions.set(`${part.name} ${part.kind === 'add' ? 'log' : 'accumulate'}`, until);
        return;
      case 'clock jump':
        if (this.#isToldOfClock(part)) this.#setClock(part, this.#drawSkew(part));
    }
  }

  #scale(): void {
    const { dice } = world();
    const kind = dice.pick(['add', 'accumulate'] as const);
    const wanted = this.#system.wanted(kind);
    if (wanted.length >= 3 || (wanted.length > 1 && dice.chance(0.5))) {
      const part = dice.pick(wanted);
      part.isWanted = false;
      this.#system.stop(part);
    } else this.#system.addPart(kind);
  }

  /** After ids are deleted a clock is set to when they were not, and what they were of comes again. */
  #setBack(): void {
    const { dice, profile } = world();
    world().schedule(this.#system.control.main, dice.between(0, profile.durationMs / 2), () => {
      if (world().isCalm) return;
      const part = dice.pick(this.#system.wanted('accumulate'));
      world().count('clocks set far back');
      this.#setClock(part, -Math.round(dice.between(0.3, 1) * world().now));
      this.#clients.comeBack(profile.durationMs / 2, 0.8);
    });
  }

  /** A clock that is set while accumulate starts was wrong from its start on, of which undated events give no sign. */
  #isToldOfClock({ kind, drain }: Part): boolean {
    return kind !== 'accumulate' || world().profile.undatedShare === 0 || drain !== undefined;
  }

  /** What a clock is set to. */
  #drawSkew({ kind, skewMs }: Part): number {
    const { dice, profile } = world();
    // What accumulate is promised is that not all clocks are wrong: each retry has its time from the add function.
    if (kind === 'add') return skewMs + Math.round(dice.between(-0.02, 0.02) * profile.windowMs);
    // Undated events give no sign of a clock that is behind: then nothing promises how long their marks are kept.
    if (profile.undatedShare > 0) return skewMs + Math.round(dice.between(0, 1) * profile.jumpMs);
    return skewMs + Math.round(dice.between(-1, 1) * profile.jumpMs);
  }

  #setClock(part: Part, skewMs: number): void {
    if (part.process !== undefined) world().setClock(part.process, skewMs);
    part.skewMs = skewMs;
  }

  /** Everything stands still; of two kinds of it the monotonic clocks count one. */
  #leap(): void {
    const { dice, profile } = world();
    const leapMs = dice.between(0, profile.leapMs);
    const isSuspended = dice.chance(0.3);
    world().count('leaps of time');
    world().note('leap', Math.floor(leapMs), () => `${(leapMs / 3_600_000).toFixed(1)} hours`);
    const replicas = new Set(this.#system.parts.map(({ process }) => process));
    world().leap(leapMs, ({ process }) => !replicas.has(process));
    if (dice.chance(0.5)) this.#clients.comeBack(profile.durationMs);
    if (profile.undatedShare === 0 && dice.chance(0.5)) this.#setBack();
    if (!isSuspended) return;
    for (const { process } of this.#system.parts) if (process !== undefined) process.suspendedMs += leapMs;
  }
}
