// Holds a directory for a restore: a file under the name of the first generation, which is no ledger. While it is there
// accumulate neither starts with what else is there nor begins an empty ledger, also after the restore was interrupted.

import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { AppError } from '../../../lib/errors.ts';
import { generationFile, syncPath } from './generation-file.ts';

const text = 'A restore of this directory is at work or was interrupted: run "tally restore" again.\n';

export class Claim {
  readonly #directory: string;
  readonly #path: string;
  #isHeld = true;
  readonly #atExit = (): void => {
    this.release();
  };

  /**
   * Takes the directory, also from a restore that was interrupted. The caller sees to it that no other restore runs.
   * @param aside a directory on the same file system
   * @throws AppError `unavailable` when there is a ledger
   */
  constructor(directory: string, aside: string) {
    this.#directory = directory;
    this.#path = generationFile(directory, 1);
    const name = basename(this.#path);
    const names = ledgerNames(directory);
    if (names.includes(name) && isClaim(this.#path)) {
      for (const left of names) if (left !== name) rmSync(join(directory, left));
    } else {
      if (names.length > 0) throw occupied(directory);
      const draft = join(aside, 'claim');
      writeFileSync(draft, text, { flush: true });
      try {
        linkSync(draft, this.#path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        throw occupied(directory);
      }
    }
    process.once('exit', this.#atExit);
  }

  /** Leaves the directory without a ledger, as it was. */
  release(): void {
    if (this.#isHeld) rmSync(this.#path, { force: true });
    this.#end();
  }

  /** Puts the generations, oldest first, in place; the ledger is there with the last step and not before. */
  replaceBy(paths: readonly string[]): void {
    const place = (path: string): string => join(this.#directory, basename(path));
    const [first, ...others] = paths;
    const replacesClaim = first !== undefined && place(first) === this.#path;
    for (const path of replacesClaim ? others : paths) renameSync(path, place(path));
    syncPath(this.#directory);
    if (replacesClaim) renameSync(first, this.#path);
    else rmSync(this.#path);
    this.#end();
    syncPath(this.#directory);
  }

  #end(): void {
    this.#isHeld = false;
    process.off('exit', this.#atExit);
  }
}

/** What makes a ledger. A process that was killed may have left a `totals.json.PID` besides, which is nothing. */
function ledgerNames(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^(ledger-|totals\.json$)/.test(name));
}

function isClaim(path: string): boolean {
  return statSync(path).size === text.length && readFileSync(path, 'utf8') === text;
}

function occupied(directory: string): AppError {
  return new AppError(
    'unavailable',
    `${directory} holds a ledger: stop accumulate and move its ledger-* files and totals.json to another directory, ` +
      'or name an empty one',
  );
}
