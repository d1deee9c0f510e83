// `tally audit`: compares the ledger of a volume with the log. Stands apart from both, which are what it judges.

import { setFlagsFromString } from 'node:v8';

import { messageOf } from '../lib/errors.ts';
import { formatFailure, watchOutput } from '../lib/output.ts';
import { openLog } from '../local/access/log-access.ts';
import { dataDirectory } from '../functions/accumulate/volume-command.ts';
import { audit } from './audit.ts';
import { readOptions, usage } from './options.ts';
import { Progress } from './progress.ts';
import { describe } from './report.ts';

const exit = { equal: 0, different: 1, notJudged: 2 } as const;

/** @returns the exit code */
async function run(args: readonly string[]): Promise<number> {
  const { help, log: named, dataDir, json, progress: isWanted, ...options } = readOptions(args, Date.now());
  if (help) {
    process.stdout.write(usage);
    return exit.equal;
  }
  const log = await openLog(named, process.env);
  const progress = new Progress(process.stderr, isWanted);
  try {
    const result = await audit(log, dataDirectory(dataDir), {
      ...options,
      onProgress: (what, done, of) => progress.say(what, done, of),
    });
    progress.end();
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : describe(result, options.limit));
    return result.isEqual ? exit.equal : exit.different;
  } finally {
    progress.end();
    await log.close();
  }
}

// Nearly all that is made is garbage at once. V8 would let its nursery grow for it: twice the memory, for no time gained.
setFlagsFromString('--semi-space-growth-factor=1');
watchOutput('tally audit', exit.notJudged);
// Nothing is left behind: see spill.ts.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (process.argv.includes('--json')) process.stdout.write(formatFailure(error));
  process.stderr.write(`tally audit: ${messageOf(error)}\n`);
  process.exitCode = exit.notJudged;
}
