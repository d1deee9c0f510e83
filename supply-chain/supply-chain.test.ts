// The tree as it is has no fault, and each fault that is planted is found.

import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';

import { afterEach, describe, expect, test } from '@jest/globals';

import { listen } from '../lib/http.ts';
import { type Audit, audit } from './audit.ts';
import { findLicenceFaults, formatLicences, readLicences } from './licences.ts';
import {
  findDockerfileFaults,
  findLockFaults,
  listRunTimePackages,
  type LockedPackage,
  type LockFile,
  nameOf,
  type PackageJson,
} from './lock-file.ts';
import { createSbom } from './sbom.ts';

const root = join(import.meta.dirname, '..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const manifest = JSON.parse(read('package.json')) as PackageJson;
const lock = JSON.parse(read('package-lock.json')) as LockFile;

/** The lock file with one package changed. */
function withPackage(path: string, change: LockedPackage): LockFile {
  return { ...lock, packages: { ...lock.packages, [path]: { ...lock.packages[path], ...change } } };
}

describe('the lock file', () => {
  test('has no fault, and neither has the Dockerfile', () => {
    expect(findLockFaults(manifest, lock)).toEqual([]);
    expect(findDockerfileFaults(read('Dockerfile'))).toEqual([]);
  });

  const path = 'node_modules/undici';
  const { version = '' } = lock.packages[path] ?? {};

  test.each<[string, PackageJson, LockFile, string]>([
    ['a range', { ...manifest, dependencies: { undici: `^${version}` } }, lock, 'one exact version'],
    [
      'a git repository',
      { ...manifest, dependencies: { undici: 'git+ssh://x/undici' } },
      lock,
      'one exact version',
    ],
    [
      'another version',
      { ...manifest, dependencies: { undici: '1.0.0' } },
      lock,
      `in the lock file ${version}`,
    ],
    [
      'a package that nobody names',
      { ...manifest, devDependencies: {} },
      lock,
      "the lock file's devDependencies alone",
    ],
    [
      'an override by range',
      { ...manifest, overrides: { 'unrs-resolver': '1.x' } },
      lock,
      'override of unrs-resolver',
    ],
    ['another format', manifest, { ...lock, lockfileVersion: 2 }, 'lockfileVersion is 2'],
    ['no hash', manifest, withPackage(path, { integrity: '' }), `${path} has no SHA-512`],
    [
      'a weak hash',
      manifest,
      withPackage(path, { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }),
      'no SHA-512',
    ],
    [
      'an address',
      manifest,
      withPackage(path, { resolved: 'http://x/undici.tgz' }),
      `${path} comes from http://x`,
    ],
    ['a link', manifest, withPackage(path, { link: true }), `${path} is a link`],
    [
      'a version that is none',
      manifest,
      withPackage(path, { version: 'file:x' }),
      'no version of a registry',
    ],
    ['a new install script', manifest, withPackage(path, { hasInstallScript: true }), 'does not decide on'],
    [
      'an install script of what runs',
      { ...manifest, allowScripts: { ...manifest.allowScripts, protobufjs: true } },
      lock,
      'protobufjs runs, and so does its install script',
    ],
  ])('with %s has a fault', (_what, changedManifest, changedLock, fault) => {
    expect(findLockFaults(changedManifest, changedLock)).toContainEqual(expect.stringContaining(fault));
  });

  test('knows what runs: what is installed without development dependencies', () => {
    const names = listRunTimePackages(lock).map(nameOf);
    expect(names).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies ?? {})));
    expect(names).not.toContain('jest');
  });

  test('of an image without --ignore-scripts is a fault', () => {
    const faults = findDockerfileFaults('FROM x\nRUN npm ci --omit=dev\nRUN npm ci --ignore-scripts\n');
    expect(faults).toEqual(['the Dockerfile runs install scripts: RUN npm ci --omit=dev']);
  });
});

describe('licences', () => {
  const licences = readLicences(root, lock);

  test('are allowed, each, and listed as they are', () => {
    expect(findLicenceFaults(licences)).toEqual([]);
    expect(licences.length).toBe(listRunTimePackages(lock).length);
    expect(read('docs/licences.md')).toBe(formatLicences(licences));
  });

  test.each(['GPL-3.0-only', 'UNLICENSED', 'none', 'MIT OR GPL-2.0'])('such as %s are a fault', (licence) => {
    const faults = findLicenceFaults([...licences, { name: 'x', version: '1.0.0', licence }]);
    expect(faults).toEqual([`x 1.0.0 has the licence ${licence}, which nobody allowed`]);
  });
});

test('the bill of materials has every package that runs, and no other', () => {
  const { text, components } = createSbom(manifest, lock);
  expect(JSON.parse(text)).toMatchObject({ bomFormat: 'CycloneDX' });
  const wanted = listRunTimePackages(lock).map(
    (path) => `${nameOf(path)}@${lock.packages[path]?.version ?? ''}`,
  );
  expect(components.map(({ name, version }) => `${name}@${version}`).sort()).toEqual(wanted.sort());
});

describe('the audit', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  /** Against a registry of its own. */
  async function auditWith(listener: RequestListener): Promise<Audit> {
    const server = createServer(listener);
    const port = await listen(server, 0, '127.0.0.1');
    stops.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return audit(root, '--registry', `http://127.0.0.1:${port}/`, '--fetch-retries=0');
  }

  const answer =
    (advisories: object): RequestListener =>
    (request, response) => {
      request.resume();
      const isBulk = request.url?.endsWith('/security/advisories/bulk') === true;
      response.writeHead(isBulk ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isBulk ? advisories : {}));
    };

  test('is clean when the registry knows nothing bad', async () => {
    expect(await auditWith(answer({}))).toEqual({ kind: 'clean' });
  });

  test('names what the registry knows', async () => {
    const advisory = {
      ...{ id: 1, url: 'https://example.com/1', title: 'x', severity: 'high', cwe: [] },
      ...{ vulnerable_versions: '*', cvss: { score: 0, vectorString: null } },
    };
    expect(await auditWith(answer({ undici: [advisory] }))).toMatchObject({
      kind: 'vulnerable',
      faults: expect.arrayContaining(['undici has a known vulnerability: high']),
    });
  });

  test('is skipped, which is said, when the registry answers none', async () => {
    const refuse: RequestListener = (request, response) => {
      request.resume();
      response.writeHead(405).end();
    };
    expect(await auditWith(refuse)).toMatchObject({
      kind: 'skipped',
      reason: expect.stringMatching(/^registry answers no audits: 405/),
    });
  });
});
