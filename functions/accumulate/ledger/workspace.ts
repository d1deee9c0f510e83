// A directory in which something is made aside. Only one process at a time has it: SQLite's lock on a file in it is
// dropped by the system when the process ends, however it ends, and what that process left is removed by the next.

import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { AppError } from '../../../lib/errors.ts';
import { isBusy } from '../../../lib/sqlite.ts';
import { syncPath } from './generation-file.ts';

const lockFile = 'lock';

export class Workspace {
  readonly path: string;
  readonly #lock: DatabaseSync;
  readonly #atExit = (): void => {
    this.discard();
  };

  /**
   * Makes the directory, empty. It goes with the process, unless {@link moveTo} was called.
   * @throws AppError `unavailable` when another process has it
   */
  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    this.#lock = new DatabaseSync(join(path, lockFile), { timeout: 0 });
    try {
      this.#lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      this.#lock.close();
      if (!isBusy(error)) throw error;
      throw new AppError('unavailable', `another process is at work in ${path}`, { cause: error });
    }
    for (const name of readdirSync(path)) {
      if (name !== lockFile) rmSync(join(path, name), { recursive: true });
    }
    process.once('exit', this.#atExit);
  }

  /** Removes the directory with all that is in it. */
  discard(): void {
    if (!this.#lock.isOpen) return;
    // Again if need be: SQLite's own thread may be making a file there when the process is interrupted.
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
    this.#end();
  }

  /** Gives the directory, on disk with all that is in it, its name: one that is not there yet, or an empty directory's. */
  moveTo(path: string): void {
    rmSync(join(this.path, lockFile), { force: true });
    syncPath(this.path);
    renameSync(this.path, path);
    syncPath(dirname(path));
    this.#end();
  }

  #end(): void {
    this.#lock.close();
    process.off('exit', this.#atExit);
  }
}
