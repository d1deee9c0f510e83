// How every process starts, says that it is up, and ends: configuration problems exit 78, a signal drains and
// exits 0, a second signal or a drain that takes too long ends at once, a bug ends with 1 and says so.

import { flushCompileCache } from 'node:module';

import { ConfigError, exitConfig } from './env.ts';
import { AppError, messageOf } from './errors.ts';
import type { Log } from './log.ts';

/** A started part: where it listens and how it ends. */
export interface Running {
  readonly port: number;
  /** Refuses new work, lets work in flight finish, closes. */
  drain(): Promise<void>;
}

/** What a child of `npm start` tells its parent once it listens. */
export interface ListeningMessage {
  readonly listening: number;
}

/**
 * A terminal sends Ctrl-C to every process, and npm passes on what it got: to the one it runs, that is the same signal
 * twice within some milliseconds.
 */
const sameSignalMs = 300;

/**
 * Runs one process from start to end. `start` listens; the process then lives until SIGTERM, SIGINT or, as a child of
 * the local system, the end of its parent.
 * @param drainMs how long a drain may take before the process ends regardless with code 1
 */
export async function runProcess(log: Log, start: () => Promise<Running>, drainMs = 25_000): Promise<void> {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught error');
    process.exit(1);
  });
  let running: Running;
  try {
    running = await start();
  } catch (error) {
    // What an operator can mend says so in its message; a stack trace is for bugs.
    const isExplained = error instanceof ConfigError || error instanceof AppError;
    log.fatal(isExplained ? {} : { err: error }, `cannot start: ${messageOf(error)}`);
    process.exit(error instanceof ConfigError ? exitConfig : 1);
  }
  let first: { readonly reason: string; readonly atMs: number } | undefined;
  const stop = (reason: string): void => {
    if (first !== undefined) {
      if (first.reason === reason && performance.now() - first.atMs < sameSignalMs) return;
      log.warn(`${reason} while stopping: ending at once`);
      process.exit(1);
    }
    first = { reason, atMs: performance.now() };
    log.info(`${reason}: draining`);
    setTimeout(() => {
      log.error(`not drained within ${drainMs} ms: ending`);
      process.exit(1);
    }, drainMs).unref();
    running.drain().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'drain failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => {
    stop('SIGTERM');
  });
  process.on('SIGINT', () => {
    stop('SIGINT');
  });
  process.on('disconnect', () => {
    // A parent that told this process to stop and then ends has not asked twice.
    if (first === undefined) stop('parent ended');
  });
  // At a clean end Node would write it too; a process that is killed should have a fast next start all the same.
  flushCompileCache();
  if (process.send === undefined) return;
  // A parent that ended while this process was starting had nobody to tell.
  if (!process.connected) stop('parent ended');
  else
    process.send(
      { listening: running.port } satisfies ListeningMessage,
      undefined,
      undefined,
      ignoreSendError,
    );
}

/** A parent that ends just now is noticed by `disconnect`. */
function ignoreSendError(): void {
  // Nothing to do.
}
