// The `tally dead-letters` command, started by bin/tally.

import { enableCompileCache } from 'node:module';

// Best effort, as for every command (client/main.ts).
enableCompileCache();

const { runDeadLetters } = await import('./run.ts');
await runDeadLetters();
