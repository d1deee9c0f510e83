// Preloaded (`node --import`): puts simulated modules in the place of Node's and undici's for the product's code alone,
// and applies a mutant to its text, if SIMULATION_MUTANT names one.

import './globals.ts';

import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

import { applyMutant, findMutant } from './mutant.ts';

const root = new URL('../../', import.meta.url).href;
const simulated: ReadonlyMap<string, string> = new Map(
  [
    ['node:fs', 'fs'],
    ['node:sqlite', 'sqlite'],
    ['node:worker_threads', 'worker-threads'],
    ['node:timers/promises', 'timers-promises'],
    ['undici', 'undici'],
    ['undici/lib/dispatcher/pool.js', 'undici-pool'],
  ].map(([specifier, name]) => [specifier ?? '', new URL(`modules/${name}.ts`, import.meta.url).href]),
);

/** Files of the product: everything in the repository but what is installed, and the tests. */
function isProduct(url: string | undefined): boolean {
  return url?.startsWith(root) === true && /^(functions|lib|local)\//.test(url.slice(root.length));
}

const mutantName = process.env['SIMULATION_MUTANT'] ?? '';
const mutant = mutantName === '' ? undefined : findMutant(mutantName);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const url = isProduct(context.parentURL) ? simulated.get(specifier) : undefined;
    return url === undefined ? nextResolve(specifier, context) : { url, shortCircuit: true };
  },
  load(url, context, nextLoad) {
    if (mutant === undefined || !isProduct(url)) return nextLoad(url, context);
    const file = url.slice(root.length);
    if (!mutant.edits.some((edit) => edit.file === file)) return nextLoad(url, context);
    const source = applyMutant(mutant, file, readFileSync(fileURLToPath(url), 'utf8'));
    return { format: 'module', source: stripTypeScriptTypes(source), shortCircuit: true };
  },
});
