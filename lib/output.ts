// The standard output of a command.

import { messageOf } from './errors.ts';

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
