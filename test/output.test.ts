// Commands whose output cannot be written say so, with a code of their own: 1 of audit means that there are differences.

import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

const tally = join(import.meta.dirname, '..', 'bin', 'tally');

test.each(['', 'audit', 'verify', 'restore', 'rewind', 'dead-letters'])(
  'tally %s on a full disk',
  (command) => {
    const args = [...(command === '' ? [] : [command]), '--help'];
    const { status, stderr } = spawnSync(tally, args, {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      encoding: 'utf8',
    });
    const name = command === '' ? 'tally' : `tally ${command}`;
    expect(stderr).toBe(`${name}: cannot write its output: ENOSPC: no space left on device, write\n`);
    expect(status).toBe(2);
  },
);

test.each(['audit', 'dead-letters'])('tally %s whose reader has seen enough', (command) => {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', `"${tally}" ${command} --help | head -n 1`], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: tally /);
});
