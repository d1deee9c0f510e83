import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, expect, test } from '@jest/globals';

import { makeTempDir } from '../../../test/temp-dir.ts';
import { Workspace } from './workspace.ts';

let path: string;

beforeEach(() => {
  path = join(makeTempDir(), 'aside');
});

/** Runs `code` in a process of its own, with a workspace in `w`. */
function inProcess(code: string) {
  const module = new URL('workspace.ts', import.meta.url).href;
  const script = `import { Workspace } from '${module}'; const w = new Workspace('${path}'); ${code}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

test('is one process’s at a time', () => {
  const workspace = new Workspace(path);
  expect(inProcess('').stderr).toContain(`another process is at work in ${path}`);
  expect(existsSync(path)).toBe(true);
  workspace.discard();
  expect(inProcess('').stderr).toBe('');
});

test('goes with the process, also when that ends by itself in the middle', () => {
  expect(inProcess('process.exit(3)').status).toBe(3);
  expect(existsSync(path)).toBe(false);
});

test('what a killed process left is removed by the next', () => {
  const { signal } = inProcess(`process.getBuiltinModule('fs').writeFileSync(w.path + '/half', 'x');
    process.kill(process.pid, 'SIGKILL')`);
  expect(signal).toBe('SIGKILL');
  expect(readdirSync(path)).toContain('half');
  const workspace = new Workspace(path);
  expect(readdirSync(path)).not.toContain('half');
  workspace.discard();
  expect(existsSync(path)).toBe(false);
});

test('gets its name when it is whole; a directory that is not empty stays what it is', () => {
  const [free, taken] = [`${path}-free`, `${path}-taken`];
  mkdirSync(taken);
  writeFileSync(join(taken, 'x'), '');
  const workspace = new Workspace(path);
  writeFileSync(join(path, 'y'), '');
  expect(() => {
    workspace.moveTo(taken);
  }).toThrow('ENOTEMPTY');
  expect(readdirSync(taken)).toEqual(['x']);
  workspace.moveTo(free);
  expect(readdirSync(free)).toEqual(['y']);
  workspace.discard();
  expect(readdirSync(free)).toEqual(['y']);
  expect(existsSync(path)).toBe(false);
});
