// `npm run supply-chain [-- --sbom FILE --write]`: looks through what Tally is made of. The lock file, install scripts,
// licences, known vulnerabilities; with --sbom writes the software bill of materials of what runs (CycloneDX), with
// --write docs/licences.md. Every fault is named; any of them is exit code 1.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

import { audit } from './audit.ts';
import { findLicenceFaults, formatLicences, readLicences } from './licences.ts';
import {
  findDockerfileFaults,
  findLockFaults,
  listRunTimePackages,
  type LockFile,
  type PackageJson,
} from './lock-file.ts';
import { createSbom } from './sbom.ts';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({ options: { sbom: { type: 'string' }, write: { type: 'boolean' } } });

const read = (name: string) => readFileSync(join(root, name), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as LockFile;
const manifest = JSON.parse(read('package.json')) as PackageJson;
const running = listRunTimePackages(lock).length;

function tell(check: string, faults: readonly string[], fine: string): void {
  process.stdout.write(`${check}: ${faults.length === 0 ? fine : `${faults.length} faults`}\n`);
  for (const fault of faults) process.stdout.write(`  ${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
}

const lockFaults = findLockFaults(manifest, lock);
tell(
  'lock file',
  [...lockFaults, ...findDockerfileFaults(read('Dockerfile'))],
  `${Object.keys(lock.packages).length - 1} packages with their hashes, ${running} of them run`,
);

const licences = readLicences(root, lock);
const licenceFaults = findLicenceFaults(licences);
const page = 'docs/licences.md';
if (values.write === true) writeFileSync(join(root, page), formatLicences(licences));
else if (read(page) !== formatLicences(licences))
  licenceFaults.push(`${page} is stale: npm run supply-chain -- --write`);
tell('licences', licenceFaults, 'all of them allowed');

const audited = await audit(root);
if (audited.kind === 'skipped') process.stdout.write(`audit: skipped: ${audited.reason}\n`);
else tell('audit', audited.kind === 'clean' ? [] : audited.faults, 'no known vulnerability');

if (values.sbom !== undefined) {
  const { text, components } = createSbom(manifest, lock);
  mkdirSync(dirname(values.sbom), { recursive: true });
  writeFileSync(values.sbom, text);
  const missing = components.length === running ? [] : [`it has ${components.length} of ${running} packages`];
  tell('bill of materials', missing, `${components.length} packages in ${values.sbom}`);
}
