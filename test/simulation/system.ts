// The system under simulation: add and accumulate functions, the log between them, and what starts them again when they
// end, as Knative would. Hosts are `add`, `log` and `accumulate`, which is any replica that listens, or a replica by its name.

import { readConfig as readAccumulateConfig } from '../../functions/accumulate/config.ts';
import { start as startAccumulate } from '../../functions/accumulate/main.ts';
import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { listen } from '../../lib/http.ts';
import { readConfig as readLogConfig } from '../../local/log/config.ts';
import { createEventLog, type EventLog } from '../../local/log/event-log.ts';
import { Store } from '../../local/log/store.ts';
import { AddFunction } from './adders.ts';
import { createSimLog } from './sim-log.ts';
import { drawLogFaults } from './log-faults.ts';
import { type Endpoint, network } from './network.ts';
import { ProcessEnded, type SimProcess } from './sim-process.ts';
import { Volume } from './volume.ts';
import { world } from './world.ts';

export type Kind = 'add' | 'log' | 'accumulate';

/** How long a drain may take before the process is ended (lib/lifecycle.ts). */
const drainMs = 25_000;

/** One replica: a process, and after its end another one. */
export interface Part {
  readonly kind: Kind;
  readonly name: string;
  process: SimProcess | undefined;
  /** Ends it in order; there once it listens. */
  drain: (() => Promise<void>) | undefined;
  eventLog: EventLog | undefined;
  isWanted: boolean;
  /** Its machine's clock. */
  skewMs: number;
}

export class System {
  readonly ledgerVolume = new Volume('/ledger');
  readonly logVolume = new Volume('/log');
  readonly parts: Part[] = [];
  /** Supervises; never ends. */
  readonly control: SimProcess;
  #parts = 0;

  constructor(control: SimProcess) {
    this.control = control;
    const { profile } = world();
    world().onExit = (process) => {
      this.#onExit(process);
    };
    this.addPart('log');
    for (let count = 0; count < profile.adders; count++) this.addPart('add');
    for (let count = 0; count < profile.accumulates; count++) this.addPart('accumulate');
  }

  addPart(kind: Kind): Part {
    const { dice, profile } = world();
    const part: Part = {
      kind,
      name: kind === 'log' ? kind : `${kind}-${++this.#parts}`,
      process: undefined,
      drain: undefined,
      eventLog: undefined,
      isWanted: true,
      skewMs: Math.round(dice.between(-1, 1) * profile.skewMs),
    };
    this.parts.push(part);
    this.#boot(part, 0);
    return part;
  }

  wanted(kind?: Kind): Part[] {
    return this.parts.filter((part) => part.isWanted && (kind === undefined || part.kind === kind));
  }

  /** Finds an endpoint, at random where there are several. */
  resolve(host: string): Endpoint<never, never> | undefined {
    const found = this.parts
      .filter(({ kind, name, process }) => process !== undefined && (name === host || kind === host))
      .map(({ process }) => network().endpoints.get(process as SimProcess))
      .filter((endpoint) => endpoint?.isListening === true);
    return found.length === 0 ? undefined : world().dice.pick(found);
  }

  /** Every replica that is wanted listens. */
  get isUp(): boolean {
    return this.wanted().every(
      ({ process }) => process !== undefined && network().endpoints.get(process)?.isListening === true,
    );
  }

  get eventLog(): EventLog | undefined {
    const log = this.parts.find(({ kind }) => kind === 'log');
    return log?.process?.isAlive === true ? log.eventLog : undefined;
  }

  /** Ends it at once. */
  kill(part: Part): void {
    const { process } = part;
    if (process?.isAlive !== true) return;
    world().note('killed', process.number, () => process.name);
    process.end();
    this.#onExit(process);
  }

  /** Tells it to stop. */
  stop(part: Part): void {
    const { process, drain } = part;
    if (process?.isAlive !== true) return;
    world().note('stops', process.number, () => process.name);
    if (drain === undefined) {
      this.kill(part);
      return;
    }
    part.drain = undefined;
    world().schedule(process.main, 0, () => {
      drain().then(
        () => {
          if (process.isAlive) world().endCurrent('drained');
        },
        (error: unknown) => {
          if (process.isAlive && !(error instanceof ProcessEnded)) world().endCurrent('drain failed');
        },
      );
    });
    world().schedule(this.control.main, drainMs, () => {
      if (!process.isAlive) return;
      world().count('drains that took too long');
      process.end();
      this.#onExit(process);
    });
  }

  /** Another replica takes its place, before it stops or after. */
  replace(part: Part): void {
    if (part.kind === 'log') {
      this.stop(part);
      return;
    }
    this.addPart(part.kind);
    part.isWanted = false;
    world().schedule(this.control.main, world().dice.between(0, 2_000), () => {
      this.stop(part);
    });
  }

  #onExit(process: SimProcess): void {
    const part = this.parts.find((each) => each.process === process);
    if (part === undefined) return;
    part.drain = undefined;
    part.eventLog = undefined;
    if (!part.isWanted) {
      this.parts.splice(this.parts.indexOf(part), 1);
      return;
    }
    const { dice, profile, isCalm } = world();
    this.#boot(part, isCalm ? 1 : dice.wait(profile.restartMs));
  }

  #boot(part: Part, delayMs: number): void {
    world().schedule(this.control.main, delayMs, () => {
      if (!part.isWanted || part.process?.isAlive === true) return;
      const { dice, profile } = world();
      // Nor do they give a sign of one that is wrong from the start on.
      if (profile.undatedShare > 0) part.skewMs = 0;
      const process = world().createProcess(part.name, {
        pid: profile.hasOwnPids ? dice.integer(2, 32_768) : 1,
        skewMs: part.skewMs,
      });
      part.process = process;
      world().note('starts', process.number, () => process.name);
      const volume = { accumulate: this.ledgerVolume, log: this.logVolume, add: undefined }[part.kind];
      volume?.users.add(process);
      process.atEnd.push(() => {
        volume?.users.delete(process);
        network().endpoints.delete(process);
      });
      world().schedule(process.main, 0, () => {
        this.#start(part, process).catch((error: unknown) => {
          this.#failStart(process, error);
        });
      });
    });
  }

  async #start(part: Part, process: SimProcess): Promise<void> {
    const log = createSimLog();
    switch (part.kind) {
      case 'add': {
        const add = new AddFunction(log);
        network().endpoints.set(process, add);
        part.drain = () => add.drain();
        return;
      }
      case 'accumulate': {
        const running = await startAccumulate(accumulateConfig(), log);
        part.drain = () => running.drain();
        return;
      }
      case 'log': {
        const eventLog = (part.eventLog = await startLog(log));
        part.drain = () => eventLog.drain();
      }
    }
  }

  #failStart(process: SimProcess, error: unknown): void {
    if (!process.isAlive || error instanceof ProcessEnded) return;
    const isExplained = error instanceof AppError || (error instanceof Error && 'errcode' in error);
    if (!isExplained) {
      world().uncaught(error);
      return;
    }
    if (error instanceof AppError && error.code === 'damaged') world().violate('I5', error.message);
    world().count('starts that failed');
    world().endCurrent(`cannot start: ${error.message}`);
  }
}

function accumulateConfig() {
  const { profile } = world();
  return {
    ...readAccumulateConfig({ DATA_DIR: '/ledger' }),
    dedupeWindowMs: profile.windowMs,
    generationMaxEvents: profile.generationMaxEvents,
    lockWaitMs: profile.lockWaitMs,
    maxInFlightBytes: profile.maxInFlightBytes,
  };
}

async function startLog(log: Log): Promise<EventLog> {
  const { profile } = world();
  const { process } = world().thread;
  const config = {
    ...readLogConfig({ DATA_DIR: '/log', SUBSCRIBER: 'http://accumulate/' }),
    delivery: {
      retries: profile.deliveryRetries,
      backoffDelayMs: profile.deliveryBackoffMs,
      timeoutMs: profile.deliveryTimeoutMs,
    },
    commitIntervalMs: profile.commitIntervalMs,
    retentionMs: profile.logRetentionMs,
  };
  const fail = (error: unknown): void => {
    if (process.isAlive && !process.hasBadDisk) {
      world().violate('process', `the log ended by itself: ${String(error)}`);
    }
    if (process.isAlive) world().crash('the log cannot go on');
  };
  if (!world().isCalm && world().dice.chance(profile.rewinds)) rewind();
  const eventLog = createEventLog({ config, log, fail, faults: drawLogFaults() });
  await listen(eventLog.server, 8080);
  eventLog.start();
  return eventLog;
}

/** As `tally rewind` does, while the log is stopped. */
function rewind(): void {
  const store = new Store('/log/log.db');
  store.saveOffset(world().dice.integer(store.first('sums'), store.savedOffset));
  store.close();
  world().count('rewinds');
}
