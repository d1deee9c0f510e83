// `node:fs` for the product's code, on simulated volumes. What is not simulated is Node's own, for nothing that a run
// comes by.

import { DatabaseContent } from '../database-content.ts';
import { fileError, findVolume, Inode, type Volume, volumeOf } from '../volume.ts';
import { world } from '../world.ts';

export * from 'node:fs';

/** Open files; numbers that no real file has. */
const open = new Map<number, { readonly path: string; readonly inode: Inode | undefined }>();
let lastFd = 1_000_000;

/** A write operation, which a full or bad disk fails. */
function change<T>(volume: Volume, path: string, effect: () => T): T {
  return volume.perform('write', () => {
    if (volume.fails()) {
      world().count('file operations that failed');
      throw fileError('EIO', path);
    }
    return effect();
  });
}

export function accessSync(path: string): void {
  volumeOf(path).perform('read', () => undefined);
}

export function existsSync(path: string): boolean {
  const volume = findVolume(path);
  if (volume === undefined) return false;
  return volume.perform('read', () => {
    const main = path.endsWith('-wal') ? volume.names.get(path.slice(0, -4))?.database : undefined;
    return volume.names.has(path) || main?.hasLog === true;
  });
}

export function mkdirSync(path: string): void {
  volumeOf(path).perform('read', () => undefined);
}

export function readdirSync(path: string): string[] {
  const volume = volumeOf(path);
  return volume.perform('read', () => [...volume.names.keys()].map((name) => name.slice(path.length + 1)));
}

/** Of an ext4 with room. */
export function statfsSync(): { type: number; bsize: number; blocks: number; bavail: number } {
  return { type: 0xef53, bsize: 4_096, blocks: 1_000_000, bavail: 500_000 };
}

export function statSync(
  path: string,
  { throwIfNoEntry = true }: { readonly throwIfNoEntry?: boolean } = {},
): { size: number } | undefined {
  const volume = volumeOf(path);
  const inode = volume.perform('read', () => volume.names.get(path));
  if (inode === undefined && throwIfNoEntry) throw fileError('ENOENT', path);
  return inode === undefined ? undefined : { size: 4_096 };
}

export function openSync(path: string, flags: string): number {
  const volume = volumeOf(path);
  const fd = ++lastFd;
  if (path === volume.directory) open.set(fd, { path, inode: undefined });
  else if (flags === 'r') {
    // A write-ahead log is a part of its database here.
    const name = path.replace(/-wal$/, '');
    const inode = volume.perform('read', () => volume.names.get(name));
    if (inode === undefined) throw fileError('ENOENT', path);
    open.set(fd, { path, inode });
  } else {
    change(volume, path, () => {
      let inode = volume.names.get(path);
      if (inode === undefined) volume.add(path, (inode = new Inode()));
      inode.text = '';
      open.set(fd, { path, inode });
    });
  }
  return fd;
}

function opened(fd: number): { readonly path: string; readonly inode: Inode | undefined } {
  const file = open.get(fd);
  if (file === undefined) throw fileError('EBADF', String(fd));
  return file;
}

export function writeFileSync(fd: number, text: string): void {
  const { path, inode } = opened(fd);
  const volume = volumeOf(path);
  change(volume, path, () => {
    if (volume.isFull) {
      world().count('writes on a full disk');
      throw fileError('ENOSPC', path);
    }
    if (inode !== undefined) inode.text = text;
  });
}

export function fsyncSync(fd: number): void {
  const { path, inode } = opened(fd);
  const volume = volumeOf(path);
  volume.perform('sync', () => {
    if (volume.fails()) {
      world().count('fsyncs that failed');
      world().thread.process.hasBadDisk = true;
      throw Object.assign(fileError('EIO', path), { syscall: 'fsync' });
    }
    if (inode === undefined) volume.syncNames();
    else {
      inode.durableText = inode.text;
      if (inode.database?.hasFailedFsync === false) inode.database.sync();
    }
  });
}

export function closeSync(fd: number): void {
  open.delete(fd);
}

export function readFileSync(path: string): string {
  const volume = volumeOf(path);
  const inode = volume.perform('read', () => volume.names.get(path));
  if (inode === undefined) throw fileError('ENOENT', path);
  return inode.text;
}

export function linkSync(from: string, to: string): void {
  const volume = volumeOf(from);
  change(volume, to, () => {
    if (volume.names.has(to)) throw fileError('EEXIST', to);
    const inode = volume.names.get(from);
    if (inode === undefined) throw fileError('ENOENT', from);
    volume.add(to, inode.database?.hasLog === true ? withoutLog() : inode);
  });
}

/** The write-ahead log has the other name: what is only in there does not come along. */
function withoutLog(): Inode {
  const inode = new Inode();
  inode.database = new DatabaseContent();
  return inode;
}

export function renameSync(from: string, to: string): void {
  const volume = volumeOf(from);
  change(volume, to, () => {
    volume.rename(from, to);
  });
}

export function rmSync(path: string): void {
  const volume = volumeOf(path);
  if (!volume.names.has(path)) {
    volume.perform('read', () => undefined);
    return;
  }
  change(volume, path, () => {
    volume.remove(path);
  });
}
