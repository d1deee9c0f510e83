import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { makeTempDir } from '../test/temp-dir.ts';
import { until } from '../test/until.ts';
import { Kubectl } from './kubectl.ts';
import { Pods } from './pods.ts';

let kubectl: Kubectl;
let pods: Pods;

beforeEach(() => {
  const directory = makeTempDir();
  const events = [
    'ADDED|add-1|add|add-00001|True|',
    'ADDED|add-2|add|add-00001||',
    'MODIFIED|add-2|add|add-00001|True|',
    'ADDED|log-1|log||True|',
    'MODIFIED|add-1|add|add-00001|True|2026-01-01T00:00:00Z',
    'ADDED|add-3|add|add-00002|False|',
    'ADDED|gone|accumulate|accumulate-00001|True|',
    'DELETED|gone|accumulate|accumulate-00001|False|2026-01-01T00:00:00Z',
    'ADDED|never|accumulate|accumulate-00001|False|',
  ];
  const script = `#!/bin/sh\ncat <<END\n${events.join('\n')}\nEND\nexec sleep 60\n`;
  const program = join(directory, 'kubectl');
  writeFileSync(program, script, { mode: 0o755 });
  kubectl = new Kubectl('any', program);
});

afterEach(() => {
  pods.close();
  kubectl.endAll();
});

test('the watch tells which pods there are, which are up, and how many were at one time', async () => {
  pods = new Pods(kubectl);
  await until('all events are seen', () => pods.of('add').length === 3);
  await pods.untilNone('accumulate', 5_000);
  expect(pods.up('add').map(({ name }) => name)).toEqual(['add-2']);
  expect(await pods.untilUp('log', 1, 5_000)).toEqual([
    { name: 'log-1', part: 'log', revision: '', isUp: true, wasUp: true },
  ]);
  await expect(pods.untilNone('log', 0)).rejects.toThrow('no pod of log is left');
  expect(pods.takeMost()).toBe(2);
  expect(pods.takeMost()).toBe(1);
});
