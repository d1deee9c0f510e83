// docs/configuration.md names every variable that a part reads, and no other.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

import { EnvReader } from '../lib/env.ts';
import { readTokenRules } from '../lib/token-rules.ts';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
const configs = [
  ...['functions/add', 'functions/accumulate', 'local', 'local/log', 'local/kafka'].map(
    (folder) => `${folder}/config.ts`,
  ),
  'lib/tracing.ts',
];

/** Read elsewhere: by start.js, by Node and by the tally commands. */
const others = [
  'FUNCTION',
  'LOG_URL',
  'K_SERVICE',
  'NODE_COMPILE_CACHE',
  'TALLY_ADD',
  'TALLY_URL',
  'TALLY_AUTHORITY',
  'TALLY_TOKEN',
  'TALLY_TOKEN_FILE',
];

/** Whose tokens are taken: names with a prefix, which are not in the code as they are. */
function tokenNames(prefix: '' | 'ADD_'): string[] {
  const names: string[] = [];
  const env = new Proxy<Record<string, string>>({}, { get: (_, name) => void names.push(String(name)) });
  readTokenRules(new EnvReader(env), prefix);
  return names;
}

test('the documented variables are those that are read', () => {
  const readNames = configs
    .flatMap((path) => [...read(path).matchAll(/\(\s*'([A-Z_]+)'/g)])
    .map(([, name]) => name);
  const documented = [...read('docs/configuration.md').matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name);
  const sorted = (names: readonly (string | undefined)[]): (string | undefined)[] =>
    [...new Set(names)].toSorted();
  const all = [...readNames, ...others, ...tokenNames(''), ...tokenNames('ADD_')];
  expect(sorted(documented)).toEqual(sorted(all));
});
