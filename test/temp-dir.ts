// A directory for one test, removed after the last one of its file: hooks run in the order in which they are defined, and
// after each test this one would come before those that end the processes which still write there.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll } from '@jest/globals';

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

export function makeTempDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tally-test-'));
  directories.push(directory);
  return directory;
}
