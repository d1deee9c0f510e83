// Assembles the tree that an image holds: `node image/build.ts DIRECTORY`, after `npm ci`. The Dockerfile runs it, and
// image.test.ts runs what it made.
//
// The bundle is what starts. The sources are there for the operators' commands (`node functions/accumulate/verify.ts`),
// and the packages for both: what a bundle loads only when it is asked for, such as reflection, is not in it.

import { cpSync, globSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { bundle } from './bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is run by its name, besides the thread. */
const entries = [
  'start.js',
  'functions/accumulate/*.ts',
  'local/kafka/*.ts',
  'local/log/rewind.ts',
  'dead-letters/main.ts',
  'audit/main.ts',
];
/** Nothing reads them at run time, and they are a third of the packages' size. */
const unused = /\.(d\.[cm]?ts|map|md)$/;

/** The files of this repository that the entries reach, so no tests and nothing that serves only them. */
async function listSources(): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [
      ...globSync(entries, { cwd: root, exclude: ['**/*.test.ts'] }),
      'functions/accumulate/ledger/worker.ts',
    ],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
    outdir: 'unused',
  });
  const served = globSync('functions/accumulate/page/*.{html,css,js,svg}', { cwd: root });
  return [...Object.keys(metafile.inputs), ...globSync('proto/**/*.proto', { cwd: root }), ...served];
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** The folders of the packages that `npm ci --omit=dev` would install, but for those that hold types alone. */
function listPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockFile;
  return Object.entries(packages)
    .filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true)
    .map(([path]) => path)
    .filter((path) => path.startsWith('node_modules/') && !path.includes('/@types/'));
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error('usage: node image/build.ts DIRECTORY');
const directory = resolve(argument);
const copy = (path: string, filter?: (source: string) => boolean): void => {
  cpSync(join(root, path), join(directory, path), { recursive: true, ...(filter && { filter }) });
};

for (const path of [...(await listSources()), 'package.json', 'LICENSE']) copy(path);
for (const path of listPackages()) {
  // Packages inside a package are listed by themselves.
  const inside = `${join(root, path)}${sep}node_modules`;
  copy(path, (source) => source !== inside && !unused.test(source));
}
await bundle(join(directory, 'dist'));
