// What a command writes to its standard output, whatever it does.

import { AppError, messageOf } from './errors.ts';

/**
 * Ends the command, in words, when its output cannot be written.
 * @param name as it begins its messages
 * @param exitCode for an output that is lost
 */
export function watchOutput(name: string, exitCode: number): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough, as in `tally totals | head`, is no error.
    if (error.code === 'EPIPE') process.exit();
    process.stderr.write(`${name}: cannot write its output: ${messageOf(error)}\n`);
    process.exit(exitCode);
  });
}

/** The line that `--json` prints of an error which ended a command. */
export function formatFailure(error: unknown): string {
  const code = error instanceof AppError ? error.code : 'usage';
  return `${JSON.stringify({ error: { code, message: messageOf(error) } })}\n`;
}
