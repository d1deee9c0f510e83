// A simulated volume: names and what they stand for, each with a state that processes see and one that outlives a power
// cut. What is not fsynced may be lost, each thing on its own; so may a name whose directory was not fsynced.

import type { DatabaseContent } from './database-content.ts';
import { ProcessEnded, type SimProcess } from './sim-process.ts';
import { world } from './world.ts';

/** What a name stands for. */
export class Inode {
  text = '';
  durableText = '';
  database: DatabaseContent | undefined;
}

/** A change of names that is not durable yet. */
type Change =
  | { readonly kind: 'add'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly inode: Inode };

export type Operation = 'read' | 'write' | 'sync' | 'commit';

/** An error as Node's file system gives it. */
export function fileError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}

export class Volume {
  readonly directory: string;
  readonly names = new Map<string, Inode>();
  readonly inodes = new Set<Inode>();
  /** Until when there is no space, everything takes long, or somebody outside holds the ledger's lock. */
  fullUntil = 0;
  slowUntil = 0;
  lockedUntil = 0;
  slowness = 1;
  /** The processes that have it. */
  readonly users = new Set<SimProcess>();
  /** Told of a database whose last name goes. */
  onRemove: (name: string, content: DatabaseContent) => void = () => undefined;
  readonly #durable = new Map<string, Inode>();
  #changes: Change[] = [];
  #untilCrash: number;
  #untilError: number;
  #untilPreemption: number;

  constructor(directory: string) {
    this.directory = directory;
    const { dice, profile } = world();
    this.#untilCrash = dice.wait(profile.diskCrashEvery);
    this.#untilError = dice.wait(profile.diskErrorEvery);
    this.#untilPreemption = dice.wait(profile.preemptEvery);
  }

  /** Does `effect` as an operation of the current process, which may fail or not outlive it. */
  perform<T>(operation: Operation, effect: () => T): T {
    this.#enter(operation);
    const result = effect();
    if (operation !== 'read') this.#mayCrash();
    return result;
  }

  /** Whether a write finds no space. */
  get isFull(): boolean {
    return !world().isCalm && world().now < this.fullUntil;
  }

  /** Whether somebody who is none of the processes holds the ledger's lock. */
  get isLocked(): boolean {
    const { now, elapsed, isCalm } = world();
    return !isCalm && now + elapsed < this.lockedUntil;
  }

  /** Whether this operation is one that the disk fails. */
  fails(): boolean {
    const { dice, profile, isCalm } = world();
    if (isCalm || --this.#untilError > 0) return false;
    this.#untilError = dice.wait(profile.diskErrorEvery);
    return true;
  }

  /** Whether the process ends between the write of a commit and its fsync. */
  endsUnsynced(): boolean {
    const { dice, profile, isCalm } = world();
    return !isCalm && dice.chance(profile.unsyncedShare);
  }

  add(name: string, inode: Inode): void {
    this.names.set(name, inode);
    this.inodes.add(inode);
    this.#changes.push({ kind: 'add', name, inode });
  }

  remove(name: string): void {
    const inode = this.names.get(name);
    if (inode?.database !== undefined) this.onRemove(name, inode.database);
    this.names.delete(name);
    this.#changes.push({ kind: 'remove', name });
  }

  rename(from: string, to: string): void {
    const inode = this.names.get(from);
    if (inode === undefined) throw fileError('ENOENT', from);
    this.names.delete(from);
    this.names.set(to, inode);
    this.#changes.push({ kind: 'rename', from, to, inode });
  }

  /** fsync of the directory. */
  syncNames(): void {
    for (const change of this.#changes) this.#makeDurable(change);
    this.#changes = [];
  }

  /** Ends all who have the volume, and leaves on it what is durable and, of the rest, what chance leaves. */
  cutPower(): void {
    const { dice } = world();
    world().count('power cuts');
    world().note('power cut', 0, () => this.directory);
    const users = [...this.users];
    for (const process of users) process.end();
    for (const change of this.#changes) if (dice.chance(0.5)) this.#makeDurable(change);
    this.#changes = [];
    this.names.clear();
    for (const [name, inode] of this.#durable) this.names.set(name, inode);
    for (const inode of this.inodes) {
      inode.database?.cutPower();
      if (dice.chance(0.5)) inode.text = inode.durableText;
      else inode.durableText = inode.text;
    }
    for (const process of users) world().onExit(process);
  }

  #makeDurable(change: Change): void {
    switch (change.kind) {
      case 'add':
        this.#durable.set(change.name, change.inode);
        break;
      case 'remove':
        this.#durable.delete(change.name);
        break;
      case 'rename':
        this.#durable.delete(change.from);
        this.#durable.set(change.to, change.inode);
    }
  }

  #enter(operation: Operation): void {
    const { thread, now, isCalm, profile, dice } = world();
    if (!thread.process.isAlive) throw new ProcessEnded();
    if (++world().operations > maxOperations) {
      world().violate('progress', `${thread.process.name} works at the disk without an end`);
      world().crash('an endless loop');
    }
    const slow = !isCalm && now < this.slowUntil ? this.slowness : 1;
    world().elapsed += slow * latencyMs[operation];
    if (!isCalm && --this.#untilPreemption <= 0) {
      this.#untilPreemption = dice.wait(profile.preemptEvery);
      this.#preempt();
    }
    if (operation !== 'read') this.#mayCrash();
  }

  /**
   * Lets another process on the volume have a turn, unless it could see what is not committed, or change what is being read.
   * What is read on from one step to the next is sealed.
   */
  #preempt(): void {
    const { steps } = world();
    for (const { database } of this.names.values()) {
      if (database === undefined) continue;
      if (database.isChanged || [...database.readers.values()].includes(steps)) return;
    }
    world().preempt((thread) => this.users.has(thread.process));
    if (!world().thread.process.isAlive) throw new ProcessEnded();
  }

  #mayCrash(): void {
    const { dice, profile, isCalm } = world();
    if (isCalm || --this.#untilCrash > 0) return;
    this.#untilCrash = dice.wait(profile.diskCrashEvery);
    if (dice.chance(profile.powerCutShare)) {
      this.cutPower();
      throw new ProcessEnded();
    }
    world().count('crashes in the midst of disk work');
    world().crash('crash at the disk');
  }
}

/** Far more than one step ever needs. */
const maxOperations = 100_000;

const latencyMs: Readonly<Record<Operation, number>> = { read: 0.002, write: 0.01, sync: 0.3, commit: 0.4 };

let volumes: readonly Volume[] = [];

export function setVolumes(next: readonly Volume[]): void {
  volumes = next;
}

/** The volume that a path is on, where it is on one. */
export function findVolume(path: string): Volume | undefined {
  return volumes.find(({ directory }) => path === directory || path.startsWith(`${directory}/`));
}

export function volumeOf(path: string): Volume {
  const volume = findVolume(path);
  if (volume === undefined) throw fileError('ENOENT', path);
  return volume;
}
