// Starts the local system, which is what `npm start` does without FUNCTION or K_SERVICE.

import { fileURLToPath } from 'node:url';

import { AppError } from '../lib/errors.ts';
import { runProcess } from '../lib/lifecycle.ts';
import { createLog } from '../lib/log.ts';
import { formatBanner } from './banner.ts';
import { readConfig } from './config.ts';
import { PartFailed } from './part.ts';
import { startSystem } from './system.ts';

/** Three parts, each with 25 s of its own. */
const drainMs = 80_000;

export async function main(): Promise<void> {
  const log = await createLog('local');
  await runProcess(
    log,
    async () => {
      const config = readConfig(process.env);
      const system = await startSystem({
        config,
        env: process.env,
        entry: fileURLToPath(new URL('../start.js', import.meta.url)),
        log,
        onFailure: (failure) => {
          log.fatal(`${failure.message}: ending, see its message above`);
          process.exit(failure.exitCode);
        },
      }).catch((error: unknown) => {
        throw explained(error);
      });
      // Once a signal is heeded: whoever reads the banner may stop the system.
      setImmediate(() => process.stdout.write(formatBanner(system, config)));
      return { port: system.add.port, drain: () => system.drain() };
    },
    drainMs,
  );
}

/** What a part had to say it has said itself. */
function explained(error: unknown): unknown {
  if (!(error instanceof PartFailed)) return error;
  return new AppError('unavailable', `${error.message}: see its message above`);
}
