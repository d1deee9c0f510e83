// The local system: accumulate, the event log and add as child processes, wired together as in a cluster. Any of them may
// be killed at any time; it is started again and the totals stay exact.

import type { Log } from '../lib/log.ts';
import type { LocalConfig } from './config.ts';
import { Part, type PartFailed } from './part.ts';

export interface System {
  readonly add: Part;
  readonly accumulate: Part;
  readonly log: Part;
  /** Ends the parts in the order of the events' way, so that each still has whom it sends to. */
  drain(): Promise<void>;
}

export interface SystemOptions {
  readonly config: LocalConfig;
  readonly env: NodeJS.ProcessEnv;
  /** The module each part runs, which reads in FUNCTION what it is. */
  readonly entry: string;
  readonly log: Log;
  /** Told of a part that ended for good. */
  readonly onFailure: (failure: PartFailed) => void;
}

/**
 * Starts every part and waits until it is ready.
 * @throws PartFailed when one ends instead; nothing is left running then
 */
export async function startSystem({ config, env, entry, log, onFailure }: SystemOptions): Promise<System> {
  const { hosts, ports, dataDir } = config;
  const started: Part[] = [];
  // However this process ends, short of SIGKILL, which the parts notice themselves.
  const killAll = (): void => {
    for (const part of started) part.kill();
  };
  process.once('exit', killAll);

  const start = async (name: keyof typeof ports, settings: NodeJS.ProcessEnv): Promise<Part> => {
    const part = new Part({
      name,
      entry,
      env: { ...env, DATA_DIR: dataDir, ...settings },
      port: ports[name],
      host: hosts[name],
      log,
      onFailure,
    });
    started.push(part);
    await part.start();
    return part;
  };
  const drain = async (): Promise<void> => {
    for (const part of started.toReversed()) await part.stop();
    process.off('exit', killAll);
  };

  try {
    const accumulate = await start('accumulate', {});
    const eventLog = await start('log', { SUBSCRIBER: `http://${hosts.accumulate}:${accumulate.port}/` });
    const add = await start('add', { K_SINK: `http://${hosts.log}:${eventLog.port}/default/sums` });
    return { add, accumulate, log: eventLog, drain };
  } catch (error) {
    await drain();
    throw error;
  }
}
