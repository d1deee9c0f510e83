// The guides' commands, run as they stand there, ports aside; their samples, run and rendered; and the links of every document.

import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from '@jest/globals';

import { startLocalSystem } from './local-system.ts';
import { kustomizeMissing, render } from './manifests/kustomize.ts';
import { anchorsIn, blocksIn, commandsIn, fileLinksIn } from './markdown.ts';
import { makeTempDir } from './temp-dir.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const guides = ['count-something', 'post-events', 'kustomize', 'kn-func', 'k6-to-n'];
const guide = (name: string): string => read(`docs/guides/${name}.md`);

/** What each prints, in the order in which they stand in their guide. */
const printed: Readonly<Record<string, readonly (readonly [start: string, output: RegExp])[]>> = {
  'count-something': [
    ['printf ', /^$/],
    ['bin/tally import old-orders.csv', /rows read +2/],
    ['bin/tally add --total guide-sales', /-4\.5/],
    // 19.90 + 4.95 by the sample, 19.90 + 4.50 from the file, less 4.50.
    ['bin/tally total guide-sales', /44\.75/],
    ['curl localhost:8081/totals/guide-sales', /"total":"44\.75","count":4/],
    ["curl -H 'Accept: text/plain'", /^44\.75\n/],
  ],
  'post-events': [
    ['curl -i localhost:8082/default/sums', /202 Accepted/],
    [
      "curl -i localhost:8081 -H 'content-type: application/cloudevents+json'",
      /204[^]*tally-outcome: applied/,
    ],
    [
      "curl -i localhost:8081 -H 'content-type: application/cloudevents-batch",
      /204[^]*tally-outcome: applied/,
    ],
    ["curl 'localhost:8081/requests/guide-1", /"total":"guide-events"[^]*"sum":"2\.5"/],
  ],
};

/** Why others are not run here. */
const untried: readonly (readonly [start: string, reason: string])[] = [
  ['kubectl ', 'needs a cluster: e2e runs on one; the manifests are rendered and held against their schemas'],
  ['bin/tally add 2 0.1 --add GATEWAY:80', 'needs a cluster: e2e adds through a gateway'],
  ['kn func ', 'kn cannot be had by name: func.yaml is held against its schema'],
  ['k6 run ', 'needs a cluster: k6.test.ts runs the scripts'],
  ['FUNCTION=add PORT=80', 'k6.test.ts starts several processes of add'],
  ['node k6/stand-in/run.ts', 'k6.test.ts runs it against several processes of add'],
];

test.each(guides)('every command of %s is known here', (name) => {
  const starts = [...(printed[name] ?? []), ...untried].map(([start]) => start);
  const commands = commandsIn(guide(name));
  expect(commands.length).toBeGreaterThan(0);
  expect(commands.filter((command) => !starts.some((start) => command.startsWith(start)))).toEqual([]);
  for (const [start] of printed[name] ?? []) expect(guide(name)).toContain(start);
});

test('the guides do what they say', async () => {
  const directory = makeTempDir();
  const system = startLocalSystem({ DATA_DIR: join(directory, 'data'), LOG_LEVEL: 'error' });
  const parts = await Promise.all((['add', 'accumulate', 'log'] as const).map((part) => system.part(part)));
  const [add = '', accumulate = '', log = ''] = parts.map(({ address }) => address.split(':')[1]);
  const env = { PATH: process.env['PATH'] ?? '', ADD_PORT: add, ACCUMULATE_PORT: accumulate, LOG_PORT: log };
  mkdirSync(join(directory, 'bin'));
  symlinkSync(join(root, 'bin', 'tally'), join(directory, 'bin', 'tally'));
  const move = (text: string): string =>
    text
      .replaceAll('localhost:8081', `127.0.0.1:${accumulate}`)
      .replaceAll('localhost:8082', `127.0.0.1:${log}`);
  const run = (command: string, ...args: string[]): Promise<string> =>
    until(`"${[command, ...args].join(' ')}" succeeds`, () => {
      const { status, stdout } = spawnSync(command, args, { cwd: directory, env, encoding: 'utf8' });
      return status === 0 ? stdout || '\n' : undefined;
    });

  const [sample = ''] = blocksIn(guide('count-something'), 'ts');
  // As a file beside the repository's own, with the ports of this system.
  symlinkSync(join(root, 'client'), join(directory, 'client'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const options = `{ add: '127.0.0.1:${add}', url: 'http://127.0.0.1:${accumulate}' }`;
  expect(sample).toContain('createTallyClient()');
  writeFileSync(
    join(directory, 'sample.ts'),
    sample.replace('createTallyClient()', `createTallyClient(${options})`),
  );
  expect(await run(process.execPath, 'sample.ts')).toBe('24.85 guide-sales\n');

  for (const name of Object.keys(printed)) {
    for (const command of commandsIn(guide(name))) {
      const [, output = /never/] = printed[name]?.find(([start]) => command.startsWith(start)) ?? [];
      expect((await run('sh', '-c', move(command))).replace(/^\n$/, '')).toMatch(output);
    }
  }
});

const testWithKustomize = kustomizeMissing === '' ? test : test.skip;

testWithKustomize(`the kustomization of the guide renders both functions${kustomizeMissing}`, () => {
  const [kustomization = ''] = blocksIn(guide('kustomize'), 'yaml');
  const directory = makeTempDir();
  mkdirSync(join(directory, 'sums'));
  symlinkSync(root, join(directory, 'tally'));
  writeFileSync(join(directory, 'sums', 'kustomization.yaml'), kustomization);
  const rendered = render(join(directory, 'sums'));
  for (const wanted of ['name: add', 'name: accumulate', 'image: registry.example.com/tally:1.0']) {
    expect(rendered).toContain(wanted);
  }
});

describe('links', () => {
  const documents = globSync('**/*.md', { cwd: root, exclude: ['node_modules', 'data', 'dist', '.cache'] });

  test.each(documents)('of %s lead to files and headings that are there', (document) => {
    const broken = fileLinksIn(read(document)).filter(({ path, heading }) => {
      const target = path === '' ? document : join(dirname(document), path);
      if (!existsSync(join(root, target))) return true;
      return heading !== undefined && !anchorsIn(read(target)).includes(heading);
    });
    expect(broken).toEqual([]);
  });

  test('are in many documents', () => {
    expect(documents.length).toBeGreaterThan(20);
  });
});
