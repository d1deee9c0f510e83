// A bearer token in a file whose owner replaces it when it is due, as Kubernetes does with a projected service account
// token and Knative with that of a SinkBinding: read again whenever the file is another one.

import { readFileSync, statSync } from 'node:fs';

import { AppError, messageOf } from './errors.ts';

export class TokenFile {
  readonly #path: string;
  #version = '';
  #token = '';

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The token that is in the file now. Looking costs some microseconds, as a rule without reading.
   * @throws AppError `unavailable` when there is none
   */
  read(): string {
    try {
      // Kubernetes replaces a directory behind a link: that is another file, perhaps of the same time.
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.#path);
      const version = [ino, size, mtimeMs, ctimeMs].join();
      if (version === this.#version) return this.#token;
      const token = readFileSync(this.#path, 'latin1').trim();
      if (!/^[!-~]+$/.test(token)) throw new Error('there is no token in it');
      this.#version = version;
      this.#token = token;
      return token;
    } catch (cause) {
      throw new AppError('unavailable', `no token from ${this.#path}: ${messageOf(cause)}`, { cause });
    }
  }
}
