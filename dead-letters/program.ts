// The command line of `tally dead-letters`.

import { Command, InvalidArgumentError } from 'commander';

import { UsageError } from '../client/usage-error.ts';
import { type LogAccess, logHelp, openLog } from '../local/access/log-access.ts';
import { runDiscard } from './discard.ts';
import { LetterBox } from './letter-box.ts';
import { runList } from './list.ts';
import type { Outcome } from './outcome.ts';
import { type RedriveCommandOptions, runRedrive } from './redrive-command.ts';
import { runShow } from './show.ts';

const help = `
An ID is an event's id, or PARTITION:OFFSET as "list" shows it.
${logHelp}

Exit codes:
  0  done
  1  an unexpected error: a bug
  2  wrong usage or configuration, or the output cannot be written
  3  refused: letters that cannot be redriven, an id that means several events
  4  a redrive did not finish: run the command again, which is safe at any time
  5  no such dead letter
  6  the log does not answer, or cannot be read
  130, 143  interrupted (Ctrl-C, SIGTERM)`;

const redriveHelp = `
What fails again is a new letter: once the log does not lag ("lag" of its GET /status), look at the list again. Run it as
often as you like, also by several people at a time, or after it was cut off: what has counted is a duplicate. A letter
that is done with is redriven all the same when it is named by PARTITION:OFFSET.`;

const maxLimit = 100_000;

interface CommonOptions {
  readonly log?: string;
  readonly json?: true;
}

export function createProgram(env: NodeJS.ProcessEnv): Command {
  const program = new Command('tally dead-letters')
    .description('What could not be delivered to accumulate: it is kept, but not counted.')
    .addHelpText('after', help)
    .exitOverride();

  /** Runs an action on the letters of a log that is closed afterwards. */
  const withLetters = async (
    options: CommonOptions,
    run: (log: LogAccess, box: LetterBox) => Promise<Outcome>,
  ): Promise<void> => {
    const log = await openLog(options.log, env);
    try {
      finish(await run(log, await LetterBox.open(log)));
    } finally {
      await log.close();
    }
  };

  program
    .command('list')
    .description('list those that nobody is done with, newest last')
    .option('--all', 'also those that were redriven or discarded')
    .option('--limit <n>', 'the newest so many', parseLimit, 100)
    .action((options: CommonOptions & { all?: true; limit: number }) =>
      withLetters(options, (_log, box) => runList(box, options)),
    );

  program
    .command('show')
    .description('show all that is known of a letter, also when it is done with')
    .argument('<id...>')
    .action((names: readonly string[], options: CommonOptions) =>
      withLetters(options, (_log, box) => runShow(box, names, options)),
    );

  program
    .command('redrive')
    .description('put events into the log again as they were, with their ids: none counts twice')
    .argument('[id...]')
    .option('--all', 'all that nobody is done with')
    .option('--reason <text>', 'is kept beside the letters')
    .option('--progress', 'say how far it is, also where standard error is no terminal')
    .addHelpText('after', redriveHelp)
    .action((names: readonly string[], options: CommonOptions & RedriveCommandOptions & { all?: true }) => {
      if ((options.all === true) === names.length > 0) {
        throw new UsageError('redrive takes either the ids of letters or --all');
      }
      return withLetters(options, (log, box) => runRedrive(log, box, names, options));
    });

  program
    .command('discard')
    .description('note that letters are not to be redriven; they stay in the log')
    .argument('<id...>')
    .option('--reason <text>', 'is kept beside the letters')
    .action((names: readonly string[], options: CommonOptions & { reason?: string }) =>
      withLetters(options, (log, box) => runDiscard(log, box, names, options)),
    );

  for (const command of program.commands) {
    command
      .option('--log <url|path>', 'where the log is')
      .option('--json', 'print JSON, one document a line')
      .addHelpText('after', help);
  }
  return program;
}

function finish({ exitCode, text, note }: Outcome): void {
  if (text !== undefined) process.stdout.write(`${text}\n`);
  if (note !== undefined) process.stderr.write(`${note}\n`);
  process.exitCode = exitCode;
}

function parseLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxLimit) return limit;
  throw new InvalidArgumentError(`It must be a number from 1 to ${maxLimit}.`);
}
