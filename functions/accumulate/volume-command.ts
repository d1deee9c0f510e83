// What the commands that work on the volume itself have in common: which volume, how they end, what they say meanwhile.

import { AppError, messageOf } from '../../lib/errors.ts';
import { formatFailure } from '../../lib/output.ts';

/** The directory that was named, else DATA_DIR, else ./data. */
export function dataDirectory(named: string | undefined): string {
  const fromEnv = process.env['DATA_DIR'] ?? '';
  return named ?? (fromEnv === '' ? 'data' : fromEnv);
}

/** Shows on a terminal what is being done, each time in place of the last. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Takes the last progress away. */
export function endProgress(): void {
  showProgress('');
}

/**
 * Runs a command and sets the exit code: what `run` gives, 1 for damage, 2 for any other error, 128 and the signal's
 * number when it is interrupted, after what it made aside is removed. With --json an error is a document, too.
 */
export async function runCommand(name: string, run: () => Promise<number>): Promise<void> {
  process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
  try {
    process.exitCode = await run();
  } catch (error) {
    endProgress();
    if (process.argv.includes('--json')) process.stdout.write(formatFailure(error));
    process.stderr.write(`tally ${name}: ${messageOf(error)}\n`);
    process.exitCode = error instanceof AppError && error.code === 'damaged' ? 1 : 2;
  }
}
