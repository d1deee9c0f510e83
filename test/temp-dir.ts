// A directory for one test, removed after it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach } from '@jest/globals';

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

export function makeTempDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tally-test-'));
  directories.push(directory);
  return directory;
}
