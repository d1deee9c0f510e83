// Runs `tally dead-letters`: what could not be delivered, why, and what is to become of it.

import { CommanderError } from 'commander';

import { exit, exitCodeOf } from '../client/command/exit.ts';
import { messageOf } from '../lib/errors.ts';
import { formatFailure, watchOutput } from '../lib/output.ts';
import { createProgram } from './program.ts';

export async function runDeadLetters(): Promise<void> {
  watchOutput('tally dead-letters', exit.usage);
  try {
    await createProgram(process.env).parseAsync();
  } catch (error) {
    fail(error, process.argv.includes('--json'));
  }
}

function fail(error: unknown, asJson: boolean): void {
  if (error instanceof CommanderError) {
    // It has printed its help or what is wrong already.
    process.exitCode = error.exitCode === 0 ? exit.done : exit.usage;
    return;
  }
  process.exitCode = exitCodeOf(error);
  const problem = process.exitCode === exit.bug && error instanceof Error ? error.stack : messageOf(error);
  if (asJson) process.stdout.write(formatFailure(error));
  process.stderr.write(`tally dead-letters: ${problem ?? ''}\n`);
}
