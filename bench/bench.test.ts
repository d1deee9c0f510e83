import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from '@jest/globals';

import { makeTempDir } from '../test/temp-dir.ts';
import { type Figure, formatTable, isMet } from './figure.ts';
import { pair } from './stats.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, [main, ...args], { env: { PATH: process.env['PATH'] } });

test('the benchmark prints figures of each section that was named, also as JSON, and says how far it is', async () => {
  const file = join(makeTempDir(), 'figures.json');
  const tiny = ['--rounds', '1', '--seconds', '0.1', '--json', file];
  const { stdout, stderr } = await run('start', 'add', 'ingest', ...tiny);
  const { figures } = JSON.parse(readFileSync(file, 'utf8')) as { figures: Figure[] };
  expect([...new Set(figures.map(({ section }) => section))]).toEqual(['add', 'ingest', 'start']);
  for (const { section, name, value, ratio } of figures) {
    expect(stdout).toMatch(new RegExp(`\\| ${section} +\\| ${name}`));
    expect(stderr).toContain(`${section}: `);
    expect(value).toBeGreaterThan(0);
    expect(ratio).toBeGreaterThan(0);
  }
});

test('a section that does not exist is refused with those that do', async () => {
  await expect(run('adds')).rejects.toMatchObject({ code: 64 });
  await expect(run('adds')).rejects.toThrow(/there is no section adds[^]*add, add-all, ingest/);
});

test('a ratio is that of the pairs, which a disturbance of both sides leaves alone', () => {
  expect(pair([50, 10, 50], [100, 20, 90])).toEqual({
    value: 50,
    bound: 90,
    ratio: 0.5,
    low: 0.5,
    high: 50 / 90,
  });
});

test.each([
  ['ratio', { atMost: 1.3 }, true],
  ['ratio', { atMost: 1.2 }, false],
  ['ratio', { atLeast: 1.25 }, true],
  ['value', { atMost: 90 }, false],
  ['value', { atLeast: 90 }, true],
] as const)('a goal for the %s %j is judged', (of, limit, met) => {
  const figure = { section: 'add', name: 'Add', unit: 'MB', value: 100, ratio: 1.25, goal: { of, ...limit } };
  expect(isMet(figure)).toBe(met);
  expect(formatTable([figure])).toContain(met ? 'met' : 'MISSED');
});
