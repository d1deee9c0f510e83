// Runs the command line: says what was done, ends with the exit code.

import { type Command, CommanderError } from 'commander';

import { AppError, messageOf } from '../../lib/errors.ts';
import { watchOutput } from '../../lib/output.ts';
import { errorJson, type Outcome } from './context.ts';
import { exit, exitCodeOf } from './exit.ts';
import { createProgram } from './program.ts';

/** Standard output is the result and nothing else. */
function finish({ exitCode, json, text, problem }: Outcome, asJson: boolean): void {
  const output = asJson ? JSON.stringify(json) : text;
  if (output !== undefined) process.stdout.write(`${output}\n`);
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  process.exitCode = exitCode;
}

function fail(error: unknown, asJson: boolean): void {
  if (error instanceof CommanderError) {
    // It has printed its help or what is wrong already.
    process.exitCode = error.exitCode === 0 ? exit.done : exit.usage;
    return;
  }
  const exitCode = exitCodeOf(error);
  const problem = exitCode === exit.bug && error instanceof Error ? error.stack : messageOf(error);
  const json = error instanceof AppError ? errorJson(error) : { code: 'usage', message: messageOf(error) };
  finish({ exitCode, json: { error: json }, problem: `tally: ${problem ?? ''}` }, asJson);
}

/** An unknown command has no help: commander would show everybody's, as if all were well. */
function withoutHelpOfNothing(program: Command, argv: readonly string[]): string[] {
  const [, , name = ''] = argv;
  const isKnown = /^(?:-.*|help|)$/.test(name) || program.commands.some((command) => command.name() === name);
  return argv.filter((word) => isKnown || (word !== '--help' && word !== '-h'));
}

export async function runTally(): Promise<void> {
  watchOutput('tally', exit.usage);
  try {
    const program = createProgram(process.env, finish);
    await program.parseAsync(withoutHelpOfNothing(program, process.argv));
  } catch (error) {
    fail(error, process.argv.includes('--json'));
  }
}
