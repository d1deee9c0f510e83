// Renders manifests as `kubectl apply -k` would, with whichever program is here.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parseAllDocuments, stringify } from 'yaml';

import type { Manifest } from './manifest.ts';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const program = [
  ['kubectl', 'kustomize'],
  ['kustomize', 'build'],
].find(([name = '', verb = '']) => spawnSync(name, [verb, '--help']).status === 0);

/** What to put into the name of tests that need the program; empty when it is here. */
export const kustomizeMissing =
  program === undefined ? ' (skipped: neither kubectl nor kustomize is here)' : '';

/**
 * The rendering of a directory with a kustomization.
 * @param directory absolute, or relative to the repository
 * @throws with what the program said
 */
export function render(directory: string): string {
  const [name = '', verb = ''] = program ?? [];
  const { status, stdout, stderr, error } = spawnSync(name, [verb, directory], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${name} ${verb} ${directory}: ${error?.message ?? stderr}`);
  return stdout;
}

/** The rendering of a kustomization that a user could write, in a directory of their own. */
export function renderFor(directory: string, user: UserKustomization): string {
  const here = (path: string): string => relative(directory, join(root, path));
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    ...(user.namespace !== undefined && { namespace: user.namespace }),
    resources: [here(user.overlay)],
    components: (user.components ?? []).map(here),
  };
  writeFileSync(join(directory, 'kustomization.yaml'), stringify(kustomization));
  return render(directory);
}

export interface UserKustomization {
  readonly overlay: string;
  readonly components?: readonly string[];
  readonly namespace?: string;
}

/** The objects of a rendering. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}
