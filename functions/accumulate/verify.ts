// `tally verify`: recomputes the whole ledger of a volume, also while it is in use, and says what is wrong with it.
// Runs on the volume itself, so it stands here and not in the client.

import { parseArgs } from 'node:util';

import { watchOutput } from '../../lib/output.ts';
import { type Verification, verifyVolume } from './ledger/verify.ts';
import { Volume } from './ledger/volume.ts';
import { dataDirectory, endProgress, runCommand, showProgress } from './volume-command.ts';

const usage = `Usage: tally verify [--data-dir DIR] [--json]

Recomputes every total, checksum and mark of the ledger in DIR (else DATA_DIR, else ./data) from the events in it.
Changes nothing; may run while the ledger is in use.

Exit codes: 0 all is as it should be, 1 damage was found, 2 wrong usage or no ledger there.
`;

/** @returns the exit code */
function run(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'data-dir': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const directory = dataDirectory(values['data-dir']);
  const volume = new Volume(directory, 'read');
  try {
    const verification = verifyVolume(volume, showVerified);
    process.stdout.write(
      values.json ? `${JSON.stringify(verification)}\n` : describe(directory, verification),
    );
    return verification.problems.length === 0 ? 0 : 1;
  } finally {
    volume.close();
  }
}

function showVerified(done: number, of: number): void {
  if (done === of) endProgress();
  else showProgress(`verified ${done} of ${of} events`);
}

function describe(directory: string, { problems, events, totals, generations }: Verification): string {
  const what = `${directory}: ${events} events, ${totals} totals, ${generations} ${generations === 1 ? 'file' : 'files'}`;
  if (problems.length === 0) return `${what}: all as it should be\n`;
  return `${what}: ${problems.length} problems\n${problems.map((problem) => `  ${problem}\n`).join('')}`;
}

watchOutput('tally verify', 2);
await runCommand('verify', () => Promise.resolve(run(process.argv.slice(2))));
