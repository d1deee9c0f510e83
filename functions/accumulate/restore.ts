// `tally restore`: puts a backup in place as the ledger of a volume that has none.
// Runs on the volume itself, so it stands here and not in the client.

import { createReadStream, statSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { AppError, messageOf } from '../../lib/errors.ts';
import { watchOutput } from '../../lib/output.ts';
import type { Manifest } from './ledger/manifest.ts';
import { type BackupSource, directorySource, restore, streamSource } from './ledger/restore.ts';
import { dataDirectory, endProgress, runCommand, showProgress } from './volume-command.ts';

const usage = `Usage: tally restore --from DIR|FILE|- [--data-dir DIR] [--no-verify] [--json]

Checks a backup that "tally backup" made, a directory or a stream (in a file or on standard input), and puts it in
place as the ledger in --data-dir (else DATA_DIR, else ./data). There must be no ledger yet, and no accumulate running
on the directory. Needs room for the ledger. It is in place when all of it is whole, and not before; when a restore was
interrupted, run it again.

--no-verify  checks the files' checksums, but does not recompute every total from its events, which takes far longer

Then let the log deliver again what came after the backup: docs/operations.md says how.

Exit codes: 0 restored, 1 the backup is damaged, 2 wrong usage or another reason why nothing was restored, 130 and 143
interrupted.
`;

async function run(): Promise<number> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      'data-dir': { type: 'string' },
      from: { type: 'string' },
      verify: { type: 'boolean', default: true },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const source = openSource(values.from ?? '');
  const directory = dataDirectory(values['data-dir']);
  const manifest = await restore(source, directory, { verify: values.verify, onProgress: showProgress });
  endProgress();
  process.stdout.write(values.json ? `${JSON.stringify(manifest)}\n` : describe(directory, manifest));
  return 0;
}

function openSource(from: string): BackupSource {
  if (from === '')
    throw new AppError('invalid', '--from is missing: a directory, a file, or - for standard input');
  if (from === '-') {
    if (process.stdin.isTTY) throw new AppError('invalid', 'standard input is a terminal: give it a backup');
    return streamSource('standard input', process.stdin as AsyncIterable<Buffer>);
  }
  try {
    if (statSync(from).isDirectory()) return directorySource(from);
  } catch (error) {
    throw new AppError('invalid', `cannot read ${from}: ${messageOf(error)}`, { cause: error });
  }
  return streamSource(from, createReadStream(from) as AsyncIterable<Buffer>);
}

function describe(directory: string, { seq, takenAt, files }: Manifest): string {
  return (
    `${directory} holds the ledger as of ${takenAt}: ${seq} events, ${files.length} ` +
    `${files.length === 1 ? 'file' : 'files'}. Let the log deliver again what came after that.\n`
  );
}

watchOutput('tally restore', 2);
await runCommand('restore', run);
