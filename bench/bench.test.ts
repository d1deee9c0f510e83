import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from '@jest/globals';

import { makeTempDir } from '../test/temp-dir.ts';
import { type Figure, formatTable, isMet } from './figure.ts';
import { drawFigures } from './plot.ts';
import { pair } from './stats.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, [main, ...args], { env: { PATH: process.env['PATH'] } });

test('the benchmark prints figures of each section that was named, also as JSON and as a picture, and says how far it is', async () => {
  const file = join(makeTempDir(), 'figures.json');
  const picture = join(makeTempDir(), 'figures.svg');
  const tiny = ['--rounds', '1', '--seconds', '0.1', '--json', file, '--svg', picture];
  const { stdout, stderr } = await run('start', 'add', 'ingest', ...tiny);
  const { figures } = JSON.parse(readFileSync(file, 'utf8')) as { figures: Figure[] };
  expect([...new Set(figures.map(({ section }) => section))]).toEqual(['add', 'ingest', 'start']);
  for (const { section, name, value, ratio } of figures) {
    expect(stdout).toMatch(new RegExp(`\\| ${section} +\\| ${name}`));
    expect(stderr).toContain(`${section}: `);
    expect(readFileSync(picture, 'utf8')).toContain(`${section}: ${name}`);
    expect(value).toBeGreaterThan(0);
    expect(ratio).toBeGreaterThan(0);
  }
});

test('the picture shows each ratio with its goal, also those far off', () => {
  const shared = { section: 'a', unit: '/s', value: 1, bound: 1 };
  const goal = { of: 'ratio', atLeast: 0.7 } as const;
  const svg = drawFigures([
    { ...shared, name: 'near & <far>', ratio: 0.5, low: 0.4, high: 0.6, goal },
    { ...shared, name: 'beyond', ratio: 100, low: 0.001, high: 1_000 },
    { ...shared, name: 'without a bound', ratio: undefined } as unknown as Figure,
  ]);
  expect(svg).toContain('near &amp; &lt;far>');
  expect(svg).toMatch(/>0\.50, missed</);
  expect(svg).toMatch(/>100\.00</);
  expect(svg).not.toContain('without');
  expect(svg).not.toMatch(/NaN|undefined/);
  expect([...svg.matchAll(/cx="([\d.]+)"/g)].map(([, at]) => Number(at))).toEqual([476.8, 750]);
});

test('a section that does not exist is refused with those that do', async () => {
  await expect(run('adds')).rejects.toMatchObject({ code: 64 });
  await expect(run('adds')).rejects.toThrow(/there is no section adds[^]*add, add-all, latency, ingest/);
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
