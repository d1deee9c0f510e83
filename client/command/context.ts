// What every command is given: a client for the right place, where to say what, and how it was asked to stop.

import { EnvReader } from '../../lib/env.ts';
import { AppError } from '../../lib/errors.ts';
import { TokenFile } from '../../lib/token-file.ts';
import { createTallyClient, type TallyClient } from '../client.ts';

/** The options that every command takes; only those that call add have more than `url` and `json`. */
export interface CommonOptions {
  readonly add?: string;
  readonly url?: string;
  readonly authority?: string;
  readonly tls?: true;
  readonly tokenFile?: string;
  readonly json?: true;
}

/** What a command did. */
export interface Outcome {
  readonly exitCode: number;
  /** The document of `--json`. */
  readonly json: unknown;
  /** The same for people, on standard output. */
  readonly text?: string;
  /** What is wrong and what to do, on standard error. */
  readonly problem?: string;
}

export interface Context {
  readonly client: TallyClient;
  readonly json: boolean;
  /** How `tally` was called. */
  readonly tally: string;
  /** A command to run next, for a shell: called as this one was, for the same functions. */
  readonly commandLine: (words: readonly string[]) => string;
  /** Says something on standard error. */
  readonly warn: (text: string) => void;
  /** Says something on standard error that only a person wants to know: nothing unless it is a terminal. */
  readonly note: (text: string) => void;
}

export const addressShape = 'HOST:PORT';

/** The address, or undefined when it is of another shape. */
export function parseAddress(text: string): string | undefined {
  const port = /^[^/]+:(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) < 65_536 ? text : undefined;
}

/** @throws ConfigError when a variable is not as it should be */
export function createContext(
  options: CommonOptions,
  env: Readonly<Record<string, string | undefined>>,
): Context {
  const reader = new EnvReader(env);
  const local = `localhost:${reader.port('ADD_PORT', 8080)}`;
  const address = reader.read('TALLY_ADD', addressShape, local, parseAddress);
  const url = reader.url('TALLY_URL') ?? new URL(`http://localhost:${reader.port('ACCUMULATE_PORT', 8081)}`);
  const authority = reader.text('TALLY_AUTHORITY');
  const tokenFile = options.tokenFile ?? reader.text('TALLY_TOKEN_FILE');
  const tokenText = reader.text('TALLY_TOKEN');
  // Without its value, which may be a secret all the same.
  if (tokenText !== undefined && !/^[!-~]+$/.test(tokenText)) {
    reader.problem('TALLY_TOKEN', 'should be a token, without spaces and line breaks');
  }
  reader.done();
  const token = createToken(tokenFile, tokenText);
  const client = createTallyClient({
    add: options.add ?? address,
    url: options.url ?? url,
    authority: options.authority ?? authority,
    tls: options.tls,
    token,
  });
  const flags = (names: readonly ('add' | 'url' | 'authority')[]): string[] =>
    names.flatMap((name) => {
      const value = options[name];
      return value === undefined ? [] : [`--${name}`, value];
    });
  const senderFlags = flags(['add', 'authority']);
  if (options.tokenFile !== undefined) senderFlags.push('--token-file', options.tokenFile);
  if (options.tls === true) senderFlags.push('--tls');
  // bin/tally says how it was called.
  const command = env['TALLY_COMMAND'] ?? 'tally';
  const warn = (text: string) => {
    process.stderr.write(`${text}\n`);
  };
  return {
    client,
    json: options.json === true,
    tally: command,
    commandLine: (words) =>
      shellCommand([command, ...words, ...(isSender(words[0]) ? senderFlags : []), ...flags(['url'])]),
    warn,
    note: process.stderr.isTTY ? warn : () => undefined,
  };
}

/** The token of each call: what is in the file at that time, since whoever put it there replaces it when it is due. */
function createToken(path: string | undefined, text: string | undefined): (() => string) | undefined {
  if (path === undefined) return text === undefined ? undefined : () => text;
  const file = new TokenFile(path);
  return () => file.read();
}

/** Whether a command calls add, and takes the options that say where and how. */
export function isSender(name: string | undefined): boolean {
  return name === 'add' || name === 'import';
}

const retryNoteMs = 5_000;

/** An error as `--json` shows it. */
export function errorJson(error: AppError): Record<string, unknown> {
  const { code, message, violations } = error;
  return { code, message, ...(violations.length > 0 && { violations }) };
}

/**
 * Parses an argument of the command line, so that what is wrong with it is said with its name.
 * @throws AppError
 */
export function parseArgument<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const { code, message: description } = cause;
    throw new AppError(code, `${field} ${description}`, { cause, violations: [{ field, description }] });
  }
}

/** A command line that a shell reads as these words. */
function shellCommand(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** Says on standard error that something is tried again, and why; seldom enough to be read. */
export function createRetryNote(warn: (text: string) => void): (error: AppError) => void {
  let saidAt = -Infinity;
  return (error) => {
    if (performance.now() - saidAt < retryNoteMs) return;
    saidAt = performance.now();
    warn(`trying again: ${error.message}`);
  };
}
