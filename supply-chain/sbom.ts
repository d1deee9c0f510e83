// The software bill of materials of what runs, by `npm sbom`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { listRunTimePackages, type LockFile, type PackageJson } from './lock-file.ts';

export interface Sbom {
  /** CycloneDX, JSON. */
  readonly text: string;
  readonly components: readonly { readonly name: string; readonly version: string }[];
}

/**
 * Of a tree that has nothing else: `npm sbom --omit dev` (npm 11.19) also leaves out what runs when a development
 * dependency needs it too, a third of the packages.
 */
export function createSbom(manifest: PackageJson, lock: LockFile): Sbom {
  const directory = mkdtempSync(join(tmpdir(), 'tally-sbom-'));
  try {
    const withoutDev = (entry: object): object => ({ ...entry, devDependencies: undefined });
    const running = listRunTimePackages(lock).map((path) => [path, lock.packages[path]] as const);
    const packages = { '': withoutDev(lock.packages[''] ?? {}), ...Object.fromEntries(running) };
    writeFileSync(join(directory, 'package.json'), JSON.stringify(withoutDev(manifest)));
    writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ ...lock, packages }));
    const options = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
    const text = execFileSync('npm', options, { cwd: directory, encoding: 'utf8', maxBuffer: 2 ** 26 });
    const { components } = JSON.parse(text) as Pick<Sbom, 'components'>;
    return { text, components };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
