// The guides' commands, run as they stand there, ports aside; the sample, checked and run; and the links of every
// document. What each command prints, or why it is not run, stands in guide-commands.ts.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { Clone, makeClone } from './guide-clone.ts';
import { commandsOfGuides, findCommands, guides, readGuide, root } from './guide-commands.ts';
import { anchorsIn, blocksIn, commandsIn, fileLinksIn } from './markdown.ts';
import { closeAfterTest } from './test-log.ts';
import { until } from './until.ts';

test('every guide is known here', () => {
  const files = readdirSync(join(root, 'docs', 'guides'));
  expect(files.toSorted()).toEqual(guides.map((name) => `${name}.md`).toSorted());
});

describe.each(guides)('the guide %s', (name) => {
  test('has the commands that are known here, in their order', () => {
    const starts = commandsOfGuides[name]?.map(([start]) => start) ?? [];
    const found = commandsIn(readGuide(name)).map((command, index) => {
      const start = starts[index];
      return start !== undefined && command.startsWith(start) ? start : command;
    });
    expect(found).toEqual(starts);
  });

  test('ends with what can go wrong', () => {
    const [, end = ''] = readGuide(name).split('\n## What can go wrong\n\n');
    expect(end).not.toMatch(/^#/m);
    const points = end.match(/^- /gm) ?? [];
    expect(points.length).toBeGreaterThanOrEqual(3);
    expect(points.length).toBeLessThanOrEqual(6);
  });
});

const hasGrpcurl = spawnSync('grpcurl', ['-version']).error === undefined;

/** The same request by our own client. */
function withoutGrpcurl(command: string): string {
  const [, data] = /^grpcurl .* -d '([^']*)'/.exec(command) ?? [];
  if (data === undefined || hasGrpcurl) return command;
  const { requestId = '', a = '', b = '', total = '' } = JSON.parse(data) as Record<string, string>;
  return `bin/tally add ${a} ${b} --id ${requestId} --total ${total} --json`;
}

test(`count-something does what it says${hasGrpcurl ? '' : ' (grpcurl is not installed: bin/tally in its place)'}`, async () => {
  const clone = new Clone();
  await clone.start();
  const [sample = ''] = blocksIn(readGuide('count-something'), 'ts');
  const options = "{ add: 'localhost:8080', url: 'http://localhost:8081' }";
  expect(sample).toContain('createTallyClient()');
  const text = sample.replace('createTallyClient()', `createTallyClient(${clone.moved(options)})`);
  writeFileSync(join(clone.directory, 'count.ts'), text);
  clone.runAll('count-something', withoutGrpcurl);
});

test("count-something's sample is right to the compiler", () => {
  const directory = makeClone();
  const [sample = ''] = blocksIn(readGuide('count-something'), 'ts');
  writeFileSync(join(directory, 'count.ts'), sample);
  const config = { extends: './tsconfig.json', include: ['count.ts'], exclude: [] };
  writeFileSync(join(directory, 'count.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const args = [tsc, '-p', 'count.json'];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

test('post-events does what it says, and its events count once', async () => {
  const clone = new Clone();
  await clone.start();
  clone.runAll('post-events');
  for (const again of findCommands('post-events', 'curl -i localhost:8081')) {
    expect(clone.run(again)).toMatch(/tally-outcome: duplicate/);
  }
  expect(clone.run('bin/tally total guide-events')).toBe('6.5\n');
});

test('what kn-func invokes accumulate with counts once, and what it deploys is there', async () => {
  const clone = new Clone();
  await clone.start();
  const [invoke = ''] = findCommands('kn-func', 'kn func invoke');
  const value = (name: string): string =>
    (new RegExp(` --${name} ('[^']*'|\\S+)`).exec(invoke)?.[1] ?? '').replaceAll("'", '');
  expect(invoke).toContain('--format=cloudevent');
  const headers = ['id', 'type', 'source'].map((name) => `-H 'ce-${name}: ${value(name)}'`).join(' ');
  const post = `curl -i localhost:8081 -H 'ce-specversion: 1.0' ${headers} -H 'content-type: application/json'`;
  const outcomes = [1, 2].map(() => clone.run(`${post} -d '${value('data')}'`));
  expect(outcomes).toEqual([
    expect.stringMatching(/tally-outcome: applied/),
    expect.stringMatching(/tally-outcome: duplicate/),
  ]);
  const paths = [...readGuide('kn-func').matchAll(/ --path (\S+)/g)].map(([, path = '']) =>
    join(path, 'func.yaml'),
  );
  expect(paths).toHaveLength(3);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('k6-to-n finds three processes of add on one machine', async () => {
  const clone = new Clone();
  await clone.start();
  // Other ports, so that a system that runs on the usual ones is not in the way.
  const movedToo = (command: string): string => command.replaceAll(/\b809(?=[01]\b)/g, '2809');
  const servers = findCommands('k6-to-n', 'FUNCTION=add');
  for (const command of servers) {
    const child = spawn('sh', ['-c', clone.moved(movedToo(command))], {
      cwd: root,
      env: { PATH: process.env['PATH'], HOST: '127.0.0.1', LOG_LEVEL: 'error' },
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    const ended = once(child, 'exit');
    closeAfterTest(async () => {
      // The shell, npm and what it started are one process group.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      await ended;
    });
    const port = /PORT=(\d+)/.exec(movedToo(command))?.[1] ?? '';
    await until(`${command} is ready`, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/health/readiness`).catch(() => undefined);
      return response?.status === 200;
    });
  }
  const report = join(clone.directory, 'report.html');
  const [command = '', ...others] = findCommands('k6-to-n', 'npx node');
  expect([servers.length, others.length]).toEqual([2, 0]);
  const usual = `-e ACCUMULATE=http://localhost:8081 -e REPORT=${report}`;
  const output = clone.run(`${movedToo(command)} ${usual}`, root);
  expect(output.match(/: \S+:\d+ serves$/gm)).toHaveLength(3);
  expect(readFileSync(report, 'utf8')).toContain('every threshold is met');
});

describe('links', () => {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
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
