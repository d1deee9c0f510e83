// The one entry of the program: runs the part that FUNCTION names, else the one that Knative names in K_SERVICE, else
// the whole local system. Each part loads only its own modules.

import nodeModule from 'node:module';
import { dirname } from 'node:path';

/**
 * Not imported: that would read every export, and so open standard input and output.
 * @type {NodeJS.Process}
 */
const process = globalThis.process;

/** @type {(reason: string, exitCode: number) => never} */
function refuse(reason, exitCode) {
  process.stderr.write(`cannot start: ${reason}\n`);
  process.exit(exitCode);
}

if (Number.parseInt(process.versions.node) < 24) {
  refuse(
    `this is Node ${process.versions.node}; "npm start" and "npx node start.js" run Node 24, which npm ci brings`,
    1,
  );
}
const usage =
  'Usage: npm start\n\nTakes no arguments. Settings are environment variables: docs/configuration.md. FUNCTION=add, accumulate or log\n' +
  'starts that part alone.\n';
const [argument] = process.argv.slice(2);
if (argument === '--help' || argument === '-h') {
  process.stdout.write(usage);
  process.exit(0);
}
if (argument !== undefined) {
  process.stderr.write(`unknown argument ${JSON.stringify(argument)}\n\n${usage}`);
  process.exit(64);
}

// This file is JavaScript so that the cache is on before the first TypeScript is loaded: with a warm cache Node's type
// stripper is then not loaded at all, which saves a fifth of the start and 14 MB (docs/performance.md).
// Best effort: it keeps stripped and compiled modules under the temporary directory (or NODE_COMPILE_CACHE). On a
// read-only file system it says so in its result, throws nothing, and modules compile as without it.
nodeModule.enableCompileCache();
// Threads and child processes find it there. Node adds the folder of its version itself.
const cache = nodeModule.getCompileCacheDir();
if (cache !== undefined) process.env['NODE_COMPILE_CACHE'] ??= dirname(cache);

/** @type {ReadonlyMap<string, () => Promise<{ main: () => Promise<void> }>>} */
const parts = new Map([
  ['add', () => import('./functions/add/main.ts')],
  ['accumulate', () => import('./functions/accumulate/main.ts')],
  ['log', () => import('./local/log/main.ts')],
]);

const variable = ['FUNCTION', 'K_SERVICE'].find((name) => (process.env[name] ?? '') !== '');
const load =
  variable === undefined ? () => import('./local/main.ts') : parts.get(process.env[variable] ?? '');
if (load === undefined) {
  // Without the library's ConfigError, so that no part has to wait for its import.
  const was = JSON.stringify(process.env[variable ?? '']);
  refuse(
    `${variable} was ${was}, should be one of ${[...parts.keys()].join(', ')}, ` +
      'or FUNCTION and K_SERVICE both unset for the local system',
    78,
  );
}
const { main } = await load();
await main();
