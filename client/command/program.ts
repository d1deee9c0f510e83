// The command line: which commands and options there are. What a command needs is loaded when it is chosen.

import { readFileSync } from 'node:fs';

import { Command, InvalidArgumentError, Option } from 'commander';

import { parseDurationMs } from '../../lib/env.ts';
import type { AddOptions } from './add.ts';
import {
  addressShape,
  type CommonOptions,
  type Context,
  createContext,
  isSender,
  type Outcome,
  parseAddress,
} from './context.ts';
import { exitHelp, otherExitHelp } from './exit.ts';
import type { ImportCommandOptions } from './import.ts';
import type { RequestStatusOptions } from './reads.ts';

/** Ends a command: what it did, to be said in the form that was asked for. */
export type Finish = (outcome: Outcome, json: boolean) => void;

export function createProgram(env: Readonly<Record<string, string | undefined>>, finish: Finish): Command {
  const program = new Command('tally')
    .description('Sums that count each request exactly once.')
    .version(readVersion())
    .addHelpText('after', exitHelp + otherExitHelp)
    .exitOverride();

  /** Runs an action with a client that is closed afterwards. */
  const withContext = async (
    options: CommonOptions,
    run: (context: Context) => Promise<Outcome>,
  ): Promise<void> => {
    const context = createContext(options, env);
    try {
      finish(await run(context), context.json);
    } finally {
      await context.client.close();
    }
  };

  program
    .command('add')
    .description('add A + B to a total, once, and print the sum')
    .argument('<a>', 'a decimal such as 2 or -0.10')
    .argument('<b>')
    .addOption(named('--total <name>', 'the total to add to (default: "default")'))
    .option('--id <uuid>', 'the id of the request, to repeat an earlier one; else a new one is made')
    .addOption(duration('--timeout <duration>', 'for all attempts together').default(30_000, '30s'))
    .addOption(duration('--wait [duration]', 'until it is counted, at most so long').preset('30s'))
    .addOption(tokenFile())
    .action((a: string, b: string, options: AddOptions & CommonOptions) =>
      withContext(options, async (context) => (await import('./add.ts')).runAdd(context, a, b, options)),
    );

  program
    .command('import')
    .description('add each row of a CSV file to a total, each once as long as its id is remembered')
    .argument('<file>', 'with a header row, UTF-8; - is standard input')
    .requiredOption('--amount <column>', 'the column with the amounts')
    .option(
      '--id <column>',
      'the column that tells rows apart; without it they are told apart by their place. Ids belong to the total, ' +
        'not to the file: rows with the same id in two files are one row when both go into one total',
    )
    .addOption(named('--total <name>', 'the total to add to (default: "default")'))
    .addOption(
      new Option('--delimiter <character>', 'between columns; tab for a tab')
        .default(',')
        .argParser(parseDelimiter),
    )
    .addOption(
      named('--name <name>', 'without --id: the name that stands for the file (default: its base name)'),
    )
    .addOption(
      duration('--patience <duration>', 'give up after so long without an answer').default(60_000, '60s'),
    )
    .addOption(
      duration('--wait [duration]', 'until every row is counted; give up after so long without one').preset(
        '60s',
      ),
    )
    .option('--errors <file>', 'write all bad rows to a file')
    .addOption(tokenFile())
    .addHelpText('after', `\n${onceHelp}`)
    .action((file: string, options: ImportCommandOptions & CommonOptions) =>
      withContext(options, async (context) =>
        (await import('./import.ts')).runImport(context, file, options),
      ),
    );

  program
    .command('total')
    .description('print a total')
    .argument('[name]', 'of the total (default: "default")', parseName)
    .action((name: string | undefined, options: CommonOptions) =>
      withContext(options, async (context) => (await import('./reads.ts')).runTotal(context, name)),
    );

  program
    .command('totals')
    .description('list all totals')
    .action((options: CommonOptions) =>
      withContext(options, async (context) => (await import('./reads.ts')).runTotals(context)),
    );

  program
    .command('status')
    .description('print whether a request is counted, and when it was')
    .argument('<request-id>', 'a UUID; with --source of another source any id')
    .option('--source <source>', "the event's source (default: the add function)")
    .addOption(duration('--wait [duration]', 'until it is counted, at most so long').preset('30s'))
    .action((id: string, options: RequestStatusOptions & CommonOptions) =>
      withContext(options, async (context) => (await import('./reads.ts')).runStatus(context, id, options)),
    );

  for (const command of program.commands) addCommonOptions(command);
  // bin/tally runs these, and shows their help, from the part that owns the volume; here they are for the list.
  program
    .command('verify')
    .usage('[--data-dir DIR] [--json]')
    .description('recompute a ledger from its events, on the volume itself');
  program
    .command('backup')
    .usage('--to DIR|- [--data-dir DIR] [--no-verify] [--json]')
    .description('copy a ledger while it is in use, on the volume itself');
  program
    .command('restore')
    .usage('--from DIR|FILE|- [--data-dir DIR] [--no-verify] [--json]')
    .description('put a backup in place as the ledger, on the volume itself');
  program
    .command('rewind')
    .usage('[--data-dir DIR] [--to OFFSET]')
    .description('let the embedded log deliver again, on its volume itself');
  program
    .command('audit')
    .usage('[--data-dir DIR] [--log URL|PATH] [--since TIME] [--json]')
    .description('rebuild every total from the log and compare it with the ledger, on its volume itself');
  program
    .command('dead-letters')
    .usage('list | show ID… | redrive ID…|--all | discard ID…')
    .description('what could not be delivered: see why, and put it into the log again');

  return program;
}

function addCommonOptions(command: Command): void {
  if (isSender(command.name())) {
    command
      .option(
        '--add <host:port>',
        'the add function (default: TALLY_ADD, else localhost and ADD_PORT, else 8080)',
        parseAddressOption,
      )
      .option(
        '--authority <name>',
        'the host name by which a gateway routes to add (default: TALLY_AUTHORITY)',
      )
      .option('--tls', 'TLS to the add function');
  }
  command
    .option(
      '--url <url>',
      'accumulate (default: TALLY_URL, else localhost and ACCUMULATE_PORT, else 8081)',
      parseUrlOption,
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', exitHelp);
}

/** What "once" means for a row. */
const onceHelp = `A row counts once as long as accumulate remembers its id (DEDUPE_WINDOW, 30 days by default).
Importing the same file again after that counts it again.`;

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function duration(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    const ms = parseDurationMs(text);
    if (ms === undefined || ms === 0) {
      const hint = flags.endsWith(']') ? ' To leave it out, put the option last.' : '';
      throw new InvalidArgumentError(`It must be a duration such as 500ms, 10s or 5m.${hint}`);
    }
    return ms;
  });
}

/** An empty name is a variable of the shell that is not set, and would else be the default one. */
function named(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseName);
}

/** A token itself is no option: everybody on the machine could read it in the list of processes. */
function tokenFile(): Option {
  return new Option(
    '--token-file <file>',
    'a file with the bearer token for add, read for each call (default: TALLY_TOKEN_FILE, else the token in TALLY_TOKEN)',
  );
}

function parseAddressOption(text: string): string {
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError(`It must be ${addressShape}.`);
  return address;
}

function parseUrlOption(text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw new InvalidArgumentError('It must be an http:// or https:// address.');
}

function parseName(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

function parseDelimiter(text: string): string {
  if (text === 'tab' || text === '\\t') return '\t';
  if (text.length === 1 && text !== '"' && text !== '\n') return text;
  throw new InvalidArgumentError('It must be one character, or tab.');
}
