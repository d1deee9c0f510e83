// The `tally` command, started by bin/tally.

import { enableCompileCache } from 'node:module';

// Best effort, under the temporary directory: it halves the time until a command does something.
enableCompileCache();

const { runTally } = await import('./command/run.ts');
await runTally();
