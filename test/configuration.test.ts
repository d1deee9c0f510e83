// docs/configuration.md names every variable that a part reads, and no other.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
const configs = ['functions/add', 'functions/accumulate', 'local', 'local/log', 'local/kafka'].map(
  (folder) => `${folder}/config.ts`,
);

/** Read elsewhere: by start.js, by Node and by the tally command. */
const others = ['FUNCTION', 'K_SERVICE', 'NODE_COMPILE_CACHE', 'TALLY_ADD', 'TALLY_URL', 'TALLY_AUTHORITY'];

test('the documented variables are those that are read', () => {
  const readNames = configs
    .flatMap((path) => [...read(path).matchAll(/\(\s*'([A-Z_]+)'/g)])
    .map(([, name]) => name);
  const documented = [...read('docs/configuration.md').matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name);
  const sorted = (names: readonly (string | undefined)[]): (string | undefined)[] =>
    [...new Set(names)].toSorted();
  expect(sorted(documented)).toEqual(sorted([...readNames, ...others]));
});
