// What a process logs: part of the trace, and, where it tells of a mistake in the program, a violation.

import { AppError, messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { world } from './world.ts';

export function createSimLog(): Log {
  const { process } = world().thread;
  const write =
    (level: string) =>
    (first: unknown, second?: string): void => {
      if (!process.isAlive) return;
      const { err } = (typeof first === 'object' ? first : {}) as { err?: unknown };
      const message = typeof first === 'string' ? first : (second ?? '');
      world().note(
        `log ${level}`,
        message.length,
        () => `${message}${err === undefined ? '' : ` (${messageOf(err)})`}`,
      );
      if (err instanceof AppError && err.code === 'damaged') world().violate('I5', err.message);
      if (err instanceof AppError && err.code === 'internal') {
        const cause = err.cause instanceof Error ? err.cause.stack : String(err.cause);
        world().violate('process', `${process.name}: ${err.message}: ${cause ?? ''}`);
      }
      if (level === 'fatal' && !process.hasBadDisk) {
        world().violate('process', `${process.name} ended by itself: ${message} (${messageOf(err)})`);
      }
    };
  return {
    debug: () => undefined,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
  } as unknown as Log;
}
