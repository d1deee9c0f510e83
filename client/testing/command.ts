// Runs bin/tally as a person or a script does: as a child process.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const tallyPath = fileURLToPath(new URL('../../bin/tally', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
}

export function startTally(
  args: readonly string[],
  env: Record<string, string> = {},
  path = tallyPath,
): Child {
  const child = spawn(path, args, { env: { PATH: process.env['PATH'] ?? '', ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A command that reads no input may be gone before its end is written.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  return { process: child, ended };
}

/** @param input what standard input has */
export async function runTally(
  args: readonly string[],
  env: Record<string, string> = {},
  input = '',
): Promise<Ended> {
  const child = startTally(args, env);
  child.process.stdin.end(input);
  return child.ended;
}

/** A file in a directory of its own. */
export async function writeTemporary(name: string, content: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'tally-')), name);
  await writeFile(path, content);
  return path;
}

/** Resolves once the condition holds; it is looked at after every turn of the event loop, for half a minute. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(setImmediate);
  }
}
