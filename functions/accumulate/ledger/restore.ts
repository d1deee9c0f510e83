// Puts a backup in place as the ledger of a directory that has none. All of it is received and checked aside; then one
// step makes it the ledger (claim.ts). Whatever ends a restore, there is either the whole ledger or none, and accumulate
// counts on nothing in between (I5).

import { createReadStream, mkdirSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { AppError, messageOf } from '../../../lib/errors.ts';
import { checkNewest } from './check.ts';
import { Claim } from './claim.ts';
import { openGeneration, syncPath } from './generation-file.ts';
import {
  badBackup,
  type BackupFile,
  describeFile,
  type Manifest,
  manifestFile,
  parseManifest,
} from './manifest.ts';
import { requireSpace } from './snapshot.ts';
import { readTar, type TarEntry } from './tar.ts';
import { verifyVolume } from './verify.ts';
import { Volume } from './volume.ts';
import { Workspace } from './workspace.ts';

/** A backup to read: its files in any order, and its name in messages. */
export interface BackupSource {
  readonly name: string;
  readonly entries: AsyncIterable<TarEntry> | Iterable<TarEntry>;
}

export interface RestoreOptions {
  /** Whether everything is recomputed from the events before it is put in place. */
  readonly verify: boolean;
  /** Told now and then what is being done. */
  readonly onProgress: (text: string) => void;
}

const generationName = /^ledger-\d{8}\.db$/;

export function streamSource(name: string, stream: AsyncIterable<Buffer>): BackupSource {
  return { name, entries: readTar(stream, name) };
}

export function directorySource(path: string): BackupSource {
  return { name: path, entries: readDirectory(path) };
}

/**
 * Restores `from` into `directory`, which is made when it is missing. Other files there than a ledger's stay.
 * @throws AppError `damaged` when the backup is, `unavailable` when the directory holds a ledger or can't be used;
 * nothing was put in place then
 */
export async function restore(
  from: BackupSource,
  directory: string,
  { verify, onProgress }: RestoreOptions,
): Promise<Manifest> {
  const target = resolve(directory);
  mkdirSync(target, { recursive: true });
  const workspace = new Workspace(join(target, '.restore'));
  try {
    const claim = new Claim(target, workspace.path);
    try {
      const manifest = await receive(from, workspace.path, onProgress);
      check(from.name, workspace.path, manifest, verify ? onProgress : undefined);
      const paths = manifest.files.map(({ name }) => join(workspace.path, name));
      for (const path of paths) prepare(path);
      claim.replaceBy(paths);
      return manifest;
    } finally {
      claim.release();
    }
  } finally {
    workspace.discard();
  }
}

function* readDirectory(path: string): Generator<TarEntry> {
  for (const name of readdirSync(path)) {
    if (name !== manifestFile && !generationName.test(name)) continue;
    const file = join(path, name);
    yield { name, bytes: statSync(file).size, content: createReadStream(file) as AsyncIterable<Buffer> };
  }
}

/** Stores the backup's files in `directory`, each as its manifest says. */
async function receive(
  { name: what, entries }: BackupSource,
  directory: string,
  onProgress: RestoreOptions['onProgress'],
): Promise<Manifest> {
  const received = new Map<string, BackupFile>();
  let manifest: Manifest | undefined;
  for await (const { name, bytes, content } of entries) {
    if (name === manifestFile) {
      manifest = parseManifest(Buffer.concat(await Array.fromAsync(content)).toString(), what);
    } else if (generationName.test(name)) {
      requireSpace(directory, bytes);
      received.set(name, await store(content, join(directory, name)));
      onProgress(`received ${received.size} ${received.size === 1 ? 'file' : 'files'}`);
    } else {
      throw badBackup(what, `it holds ${JSON.stringify(name)}`);
    }
  }
  if (manifest === undefined) throw badBackup(what, `it has no ${manifestFile}`);
  for (const { name, bytes, sha256 } of manifest.files) {
    const file = received.get(name);
    if (file === undefined) throw badBackup(what, `${name} is missing`);
    if (file.bytes !== bytes || file.sha256 !== sha256) throw badBackup(what, `${name} is damaged`);
    received.delete(name);
  }
  const [extra] = received.keys();
  if (extra !== undefined) throw badBackup(what, `${extra} is not listed in its ${manifestFile}`);
  return manifest;
}

async function store(content: AsyncIterable<Buffer>, path: string): Promise<BackupFile> {
  try {
    await writeFile(path, content);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('unavailable', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
  return await describeFile(path);
}

/** @param onProgress of the verification; without it only what a start checks is checked */
function check(
  what: string,
  path: string,
  manifest: Manifest,
  onProgress: RestoreOptions['onProgress'] | undefined,
): void {
  const volume = new Volume(path, 'read');
  try {
    if (onProgress === undefined) {
      checkNewest(volume.newest);
    } else {
      const { problems } = verifyVolume(volume, (done, of) => {
        onProgress(`verified ${done} of ${of} events`);
      });
      if (problems.length > 0) throw badBackup(what, problems.map((problem) => `\n  ${problem}`).join(''));
    }
    const seq = volume.newest.lastSeq();
    if (seq !== manifest.seq) throw badBackup(what, `it ends at event ${seq} instead of ${manifest.seq}`);
  } finally {
    volume.close();
  }
}

/** As accumulate leaves a generation: with a write-ahead log to be, so that readers need no locks on the file. */
function prepare(path: string): void {
  openGeneration(path, 'write').close();
  syncPath(path);
}
