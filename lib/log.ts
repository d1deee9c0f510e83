// Logging: one line of JSON on standard output in a container, readable on a terminal.

import pino, { type Logger } from 'pino';

export type Log = Logger;

/** What LOG_LEVEL may be. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * Level from LOG_LEVEL, default `info`, which also stands for one that does not exist: the process's configuration
 * reports it, and that has to be logged. Each line carries the process's part of the system.
 */
export async function createLog(part: string, level = process.env['LOG_LEVEL'] ?? ''): Promise<Log> {
  const options = {
    level: logLevels.find((name) => name === level) ?? 'info',
    base: { part },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Synchronously, which is not pino's default: what is said last, before process.exit, must neither be lost nor
  // overtake the line before it.
  return pino(options, process.stdout.isTTY ? await prettyStream() : pino.destination({ sync: true }));
}

/** For people: pino-pretty where it is installed (a development dependency). */
async function prettyStream(): Promise<pino.DestinationStream> {
  try {
    const { default: pretty } = await import('pino-pretty');
    return pretty({
      ignore: 'pid,hostname,part',
      messageFormat: '{part}: {msg}',
      translateTime: 'SYS:HH:MM:ss',
    });
  } catch {
    return pino.destination({ sync: true });
  }
}
