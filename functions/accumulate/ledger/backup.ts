// A backup of the ledger, as a directory or as one stream: copies of its generations (snapshot.ts) and, last of all, the
// list of them with checksums (manifest.ts). totals.json is no part of it: beside an older ledger it would say that
// events are missing, and accumulate writes it anew.

import { createReadStream, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { AppError, messageOf } from '../../../lib/errors.ts';
import { type BackupFile, describeFile, formatManifest, type Manifest, manifestFile } from './manifest.ts';
import { copyGenerations, type GenerationCopy, requireSpace, sizeOfVolume } from './snapshot.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';
import { verifyVolume } from './verify.ts';
import { Volume } from './volume.ts';
import { Workspace } from './workspace.ts';

/** What a backup holds. */
export type BackupContent = Omit<Manifest, 'format'>;

export interface BackupOptions {
  /** Whether a directory is verified, event by event, before it counts as a backup. */
  readonly verify: boolean;
  /** Told now and then what is being done. */
  readonly onProgress: (text: string) => void;
}

/**
 * Makes the directory `to`, which must not exist or be empty. It is made aside and renamed, so it is whole or not there.
 * @throws AppError `damaged` when the ledger, or the copy of it, is; `unavailable` for whatever else is in the way
 */
export async function backUpToDirectory(
  source: Volume,
  to: string,
  { verify, onProgress }: BackupOptions,
): Promise<BackupContent> {
  const target = resolve(to);
  requireEmpty(target);
  mkdirSync(dirname(target), { recursive: true });
  requireSpace(dirname(target), sizeOfVolume(source));
  const workspace = new Workspace(`${target}.partial`);
  try {
    const list = new ContentList(onProgress);
    for await (const copy of copyGenerations(source, workspace.path)) await list.add(copy);
    writeFileSync(join(workspace.path, manifestFile), formatManifest(list.content), { flush: true });
    if (verify) verifyCopy(workspace.path, source.directory, onProgress);
    workspace.moveTo(target);
    return list.content;
  } finally {
    workspace.discard();
  }
}

/**
 * Writes the backup to `output`, which stays open, as a tar stream. Each generation is first copied to the volume, so that a slow reader
 * holds nobody up, and is removed again once it is sent: the volume needs room for the largest.
 * @throws AppError as {@link backUpToDirectory}, also when the stream's reader goes away
 */
export async function backUpToStream(
  source: Volume,
  output: Writable,
  { onProgress }: Pick<BackupOptions, 'onProgress'>,
): Promise<BackupContent> {
  const workspace = new Workspace(join(source.directory, '.backup'));
  try {
    const list = new ContentList(onProgress);
    await pipeline(writeTar(source, workspace, list), output, { end: false });
    return list.content;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('unavailable', `the stream ended early: ${messageOf(error)}`, { cause: error });
  } finally {
    workspace.discard();
  }
}

async function* writeTar(source: Volume, workspace: Workspace, list: ContentList): AsyncGenerator<Buffer> {
  for await (const copy of copyGenerations(source, workspace.path)) {
    const { name, bytes } = await list.add(copy);
    yield tarHeader(name, bytes, copy.takenAtMs);
    yield* createReadStream(copy.path) as AsyncIterable<Buffer>;
    yield tarPadding(bytes);
    rmSync(copy.path);
  }
  const manifest = Buffer.from(formatManifest(list.content));
  yield tarHeader(manifestFile, manifest.length, Date.parse(list.content.takenAt));
  yield manifest;
  yield tarPadding(manifest.length);
  yield tarEnd;
}

/** What has been copied so far. */
class ContentList {
  readonly #onProgress: BackupOptions['onProgress'];
  readonly #files: BackupFile[] = [];
  #last: GenerationCopy | undefined;

  constructor(onProgress: BackupOptions['onProgress']) {
    this.#onProgress = onProgress;
  }

  get content(): BackupContent {
    const { takenAtMs = 0, seq = 0 } = this.#last ?? {};
    return { takenAt: new Date(takenAtMs).toISOString(), seq, files: this.#files };
  }

  async add(copy: GenerationCopy): Promise<BackupFile> {
    const file = await describeFile(copy.path);
    this.#files.push(file);
    this.#last = copy;
    this.#onProgress(`copied ${this.#files.length} ${this.#files.length === 1 ? 'file' : 'files'}`);
    return file;
  }
}

function requireEmpty(directory: string): void {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new AppError('unavailable', `cannot use ${directory}: ${messageOf(error)}`, { cause: error });
  }
  if (names.length === 0) return;
  throw new AppError('unavailable', `${directory} is not empty: name a directory that is not there yet`);
}

function verifyCopy(path: string, of: string, onProgress: BackupOptions['onProgress']): void {
  const copy = new Volume(path, 'read');
  try {
    const { problems } = verifyVolume(copy, (done, total) => {
      onProgress(`verified ${done} of ${total} events`);
    });
    if (problems.length === 0) return;
    const list = problems.map((problem) => `\n  ${problem}`).join('');
    throw new AppError('damaged', `the copy is damaged and was removed; run "tally verify" on ${of}:${list}`);
  } finally {
    copy.close();
  }
}
