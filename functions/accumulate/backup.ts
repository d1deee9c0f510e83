// `tally backup`: copies the ledger of a volume while it is in use, into a directory or as one stream.
// Runs on the volume itself, so it stands here and not in the client.

import { parseArgs } from 'node:util';

import { AppError } from '../../lib/errors.ts';
import { type BackupContent, backUpToDirectory, backUpToStream } from './ledger/backup.ts';
import { Volume } from './ledger/volume.ts';
import { dataDirectory, endProgress, runCommand, showProgress } from './volume-command.ts';

const usage = `Usage: tally backup --to DIR|- [--data-dir DIR] [--no-verify] [--json]

Copies the ledger in --data-dir (else DATA_DIR, else ./data) as it is at one commit, while accumulate goes on writing it.

--to DIR    makes DIR, which must not exist or be empty, and verifies it as "tally verify" does; DIR appears when it
            is whole. Needs room for the ledger. --no-verify leaves the verification out: it takes far longer than the
            copy.
--to -      writes a tar stream to standard output; needs room on the volume for the largest of the ledger's files.
            "tally restore" verifies it.

While a file is copied, the write-ahead log on the volume grows by what is written meanwhile.
The embedded event log (log.db) and totals.json are no part of the ledger.

Exit codes: 0 done, 1 the ledger is damaged, 2 wrong usage or another reason why there is no backup, 130 and 143
interrupted.
`;

async function run(): Promise<number> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      'data-dir': { type: 'string' },
      to: { type: 'string' },
      verify: { type: 'boolean', default: true },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { to = '', verify } = values;
  if (to === '') throw new AppError('invalid', '--to is missing: a directory, or - for standard output');
  const isStream = to === '-';
  if (isStream && process.stdout.isTTY) {
    throw new AppError('invalid', 'standard output is a terminal: send it to a file');
  }
  const volume = new Volume(dataDirectory(values['data-dir']), 'read');
  try {
    const content = isStream
      ? await backUpToStream(volume, process.stdout, { onProgress: showProgress })
      : await backUpToDirectory(volume, to, { verify, onProgress: showProgress });
    endProgress();
    const report = values.json ? JSON.stringify(content) : describe(volume.directory, to, content);
    (isStream ? process.stderr : process.stdout).write(`${report}\n`);
    return 0;
  } finally {
    volume.close();
  }
}

function describe(directory: string, to: string, { seq, takenAt, files }: BackupContent): string {
  const what = `${seq} events, ${files.length} ${files.length === 1 ? 'file' : 'files'}`;
  return `${directory} as of ${takenAt} is in ${to === '-' ? 'the stream' : to}: ${what}`;
}

await runCommand('backup', run);
