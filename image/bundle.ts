// Bundles the program: `node image/bundle.ts [DIRECTORY]`, by default ./dist. `node dist/start.js` then does what
// `node start.js` does, from a few files of JavaScript in place of two hundred modules (docs/adr/0010-start-up.md).

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param directory made inside the tree whose proto/ and node_modules/ the program uses, right below its root */
export async function bundle(directory: string): Promise<void> {
  await build({
    absWorkingDir: root,
    outdir: directory,
    // The ledger names its thread by the file beside it.
    entryPoints: { start: 'start.js', 'parts/worker': 'functions/accumulate/ledger/worker.ts' },
    // Two folders below the root, as the modules that name files relative to themselves: those names stay true.
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // What packages in CommonJS load of Node itself.
    banner: {
      js: "import { createRequire as createBundleRequire } from 'node:module';\nconst require = createBundleRequire(import.meta.url);",
    },
    // For terminals, and not installed in an image.
    external: ['pino-pretty'],
    logLevel: 'warning',
  });
}

if (import.meta.main) await bundle(resolve(process.argv[2] ?? 'dist'));
