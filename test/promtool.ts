// promtool, which Debian's package `prometheus` brings.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What to put into the name of tests that need promtool or prometheus; empty when they are here. */
export const promtoolMissing = ['promtool', 'prometheus'].some(
  (program) => spawnSync(program, ['--version']).error !== undefined,
)
  ? ' (skipped: prometheus is not here)'
  : '';

/** Runs it on files of monitoring/rules; gives its exit code and all that it says. */
export function promtool(...args: readonly string[]): readonly [code: number | null, output: string] {
  const cwd = fileURLToPath(new URL('../monitoring/rules', import.meta.url));
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8' });
  return [status, stdout + stderr];
}
