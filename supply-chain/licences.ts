// The licences of the packages that run, as each says itself, for docs/licences.md.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { listRunTimePackages, type LockFile, nameOf } from './lock-file.ts';

/** May be used in a program under Apache-2.0 that is passed on, with their notices kept. */
const allowed: ReadonlySet<string> = new Set([
  ...['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'],
]);

export interface Licence {
  readonly name: string;
  readonly version: string;
  /** An SPDX identifier; what a package says otherwise, or `none`. */
  readonly licence: string;
}

/** @param root the directory whose `node_modules` the packages are in */
export function readLicences(root: string, lock: LockFile): Licence[] {
  const licences = listRunTimePackages(lock).map((path): Licence => {
    const text = readFileSync(join(root, path, 'package.json'), 'utf8');
    const { version, license } = JSON.parse(text) as { version: string; license?: unknown };
    return { name: nameOf(path), version, licence: typeof license === 'string' ? license : 'none' };
  });
  return licences.sort((x, y) => (`${x.name}@${x.version}` < `${y.name}@${y.version}` ? -1 : 1));
}

export function findLicenceFaults(licences: readonly Licence[]): string[] {
  return licences
    .filter(({ licence }) => !allowed.has(licence))
    .map(
      ({ name, version, licence }) => `${name} ${version} has the licence ${licence}, which nobody allowed`,
    );
}

export function formatLicences(licences: readonly Licence[]): string {
  const rows = licences.map(({ name, version, licence }) => [name, version, licence]);
  const table = [['package', 'version', 'licence'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[], fill = ' ') =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |`;
  return `# Licences of the packages that run

Tally is Apache-2.0. An image holds these packages beside it, each with its own licence text in its folder. Written by
\`npm run supply-chain -- --write\`; the tests fail when it is stale or a licence is not one of those allowed
(\`supply-chain/licences.ts\`).

${[line(table[0] ?? []), line(['', '', ''], '-'), ...rows.map((row) => line(row))].join('\n')}
`;
}
