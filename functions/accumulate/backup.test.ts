import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';

import { beforeEach, describe, expect, test } from '@jest/globals';

import { runTally, startTally, tallyPath } from '../../client/testing/command.ts';
import { PartProcess } from '../../test/part-process.ts';
import { structuredEvent } from '../../test/sum-event.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { closeAfterTest } from '../../test/test-log.ts';
import { until } from '../../test/until.ts';
import { backUpToStream } from './ledger/backup.ts';
import { entry, retention, TestLedger, verifyDirectory } from './ledger/fixtures.ts';
import { generationFile } from './ledger/generation-file.ts';
import type { Manifest } from './ledger/manifest.ts';
import { Reader } from './ledger/reader.ts';
import { Volume } from './ledger/volume.ts';

let directory: string;
let to: string;

beforeEach(() => {
  directory = makeTempDir();
  to = join(makeTempDir(), 'backup');
});

/** A ledger of three files, the last half full; gives the events in it. */
function makeLedger(eventsPerFile = 100): unknown[] {
  const ledger = new TestLedger(directory, { ...retention, maxEvents: eventsPerFile });
  for (let n = 0; n < 2.5 * eventsPerFile; n++) ledger.apply(entry(`id-${n}`, '1.5'));
  ledger.close();
  return readEvents(directory);
}

function readEvents(from: string, limit = 1_000_000): unknown[] {
  const reader = new Reader(from);
  try {
    return reader.entriesAfter(0, limit);
  } finally {
    reader.close();
  }
}

/** Runs a shell's words, `tally` among them. */
async function shell(words: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn('sh', ['-c', words], {
    env: { PATH: `${dirname(tallyPath)}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return { code: child.exitCode, stderr };
}

describe('tally backup', () => {
  test('makes a directory with the whole ledger, which tally verify takes', async () => {
    const events = makeLedger();
    const { code, stdout } = await runTally(['backup', '--data-dir', directory, '--to', to]);
    expect(stdout).toMatch(new RegExp(`^${directory} as of 2.*Z is in ${to}: 250 events, 3 files\n$`));
    expect(code).toBe(0);
    expect(readdirSync(to)).toEqual([
      'backup.json',
      'ledger-00000001.db',
      'ledger-00000002.db',
      'ledger-00000003.db',
    ]);
    expect(await runTally(['verify'], { DATA_DIR: to })).toMatchObject({ code: 0 });
    expect(readEvents(to)).toEqual(events);
  });

  test('writes the same as one stream, which is unpacked to the same directory', async () => {
    const events = makeLedger();
    const file = `${to}.tar`;
    const { code, stderr } = await shell(`tally backup --data-dir ${directory} --to - > ${file}`);
    expect(stderr).toContain('is in the stream: 250 events, 3 files');
    expect(code).toBe(0);
    expect(await shell(`mkdir ${to} && tar -xf ${file} -C ${to}`)).toEqual({ code: 0, stderr: '' });
    expect(readEvents(to)).toEqual(events);
    expect(verifyDirectory(to)).toEqual([]);
    expect(readdirSync(directory)).not.toContain('.backup');
  });

  test('has one file of the ledger at a time on the volume while it is sent', async () => {
    makeLedger();
    const source = new Volume(directory, 'read');
    const seen = new Set<string>();
    const output = new Writable({
      write(_, __, done) {
        const names = readdirSync(join(directory, '.backup')).filter((name) => name.startsWith('ledger-'));
        seen.add(names.join());
        done();
      },
    });
    await backUpToStream(source, output, { onProgress: () => undefined });
    source.close();
    expect([...seen]).toEqual(['ledger-00000001.db', 'ledger-00000002.db', 'ledger-00000003.db', '']);
  });

  test('is listed beside verify and restore, and each explains itself', async () => {
    const { stdout } = await runTally(['--help']);
    for (const name of ['verify', 'backup', 'restore']) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
      const help = await runTally(['help', name]);
      expect(help).toMatchObject({ code: 0, stdout: expect.stringMatching(`^Usage: tally ${name} `) });
      expect(await runTally([name, '--help'])).toEqual(help);
    }
  });

  test('says with --json what a script needs', async () => {
    makeLedger();
    const { stdout } = await runTally(['backup', '--data-dir', directory, '--to', to, '--json']);
    const content = JSON.parse(stdout) as object;
    expect(content).toMatchObject({ seq: 250, files: [{ name: 'ledger-00000001.db' }, {}, {}] });
    expect(JSON.parse(readFileSync(join(to, 'backup.json'), 'utf8'))).toEqual({ format: 1, ...content });
  });

  test('leaves the source as it is, and needs no right to change the backup to read it', async () => {
    makeLedger();
    const before = readFileSync(generationFile(directory, 3));
    expect(await runTally(['backup', '--data-dir', directory, '--to', to])).toMatchObject({ code: 0 });
    expect(readFileSync(generationFile(directory, 3)).equals(before)).toBe(true);
    // A backup is a source as well.
    const again = `${to}-again`;
    expect(await runTally(['backup', '--data-dir', to, '--to', again])).toMatchObject({ code: 0 });
    expect(readEvents(again)).toEqual(readEvents(directory));
  });

  test.each([
    ['without a destination', () => [], /--to is missing/],
    ['to a directory that is not empty', () => ['--to', directory], /is not empty/],
    ['to a file', () => ['--to', generationFile(directory, 1)], /cannot use .*ledger-00000001\.db: ENOTDIR/],
    // Nobody has room there.
    [
      'to where there is no room',
      () => ['--to', '/proc/x'],
      /\/proc has 0\.0 MB free, but a copy there needs/,
    ],
    ['of a directory without a ledger', () => ['--data-dir', makeTempDir(), '--to', to], /holds no ledger/],
    ['with an option that is none', () => ['--into', to], /--into/],
  ])('%s is refused with exit code 2', async (_, args, message) => {
    makeLedger();
    const { code, stderr } = await runTally(['backup', '--data-dir', directory, ...args()]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  test('an empty directory is as good as none', async () => {
    makeLedger();
    const empty = makeTempDir();
    expect(await runTally(['backup', '--data-dir', directory, '--to', empty])).toMatchObject({ code: 0 });
    expect(readEvents(empty)).toHaveLength(250);
  });
});

describe('I5: a backup that cannot be whole is none', () => {
  test('a full disk at the destination leaves nothing there', async () => {
    makeLedger(1_000);
    // In blocks of 512 bytes: 64 KB, less than a file of the ledger has.
    const { code, stderr } = await shell(`ulimit -f 128; tally backup --data-dir ${directory} --to ${to}`);
    expect(stderr).toMatch(/cannot copy .*ledger-00000001\.db to /);
    expect(code).toBe(2);
    expect(readdirSync(join(to, '..'))).toEqual([]);
  });

  test.each([
    ['a total that was changed', `UPDATE totals SET total = '9'`, ['--to', 'DIR'], /row of total "default"/],
    [
      'a balance that was changed',
      `UPDATE opening SET total = '9'`,
      ['--to', 'DIR'],
      /row of total "default"/,
    ],
    ['the same, as a stream', `UPDATE totals SET total = '9'`, ['--to', '-'], /row of total "default"/],
    ['a mark that is gone', 'DELETE FROM ids WHERE seq = 107', ['--to', 'DIR'], /event 107 has no mark/],
  ])('%s ends it with exit code 1', async (_, damage, args, problem) => {
    makeLedger();
    const db = new DatabaseSync(generationFile(directory, 2));
    db.exec(damage);
    db.close();
    const placed = args.map((arg) => (arg === 'DIR' ? to : arg));
    const { code, stderr } = await runTally(['backup', '--data-dir', directory, ...placed]);
    expect(stderr).toMatch(problem);
    expect(code).toBe(1);
    expect(existsSync(to)).toBe(false);
    expect(readdirSync(directory)).not.toContain('.backup');
  });

  test('an interrupted stream leaves nothing on the volume', async () => {
    makeLedger(3_000);
    const child = stalledStream();
    await until('the first file is copied', () =>
      existsSync(join(directory, '.backup', 'ledger-00000001.db')),
    );
    child.process.kill('SIGTERM');
    await once(child.process, 'exit');
    expect(child.process.exitCode).toBe(143);
    expect(readdirSync(directory)).not.toContain('.backup');
  });

  test('what a killed one left is removed by the next, and two at one time are not had', async () => {
    makeLedger(3_000);
    const child = stalledStream();
    await until('the first file is copied', () =>
      existsSync(join(directory, '.backup', 'ledger-00000001.db')),
    );
    const other = await shell(`tally backup --data-dir ${directory} --to -`);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('another process is at work') });
    child.process.kill('SIGKILL');
    await once(child.process, 'exit');
    expect(readdirSync(directory)).toContain('.backup');
    expect(await shell(`tally backup --data-dir ${directory} --to -`)).toMatchObject({ code: 0 });
    expect(readdirSync(directory)).not.toContain('.backup');
  });

  test('a stream whose reader goes away ends, and says so', async () => {
    makeLedger(3_000);
    const child = stalledStream();
    child.process.stdout.destroy();
    expect(await child.ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the stream ended early'),
    });
    expect(readdirSync(directory)).not.toContain('.backup');
  });

  /** A stream that nobody reads. */
  function stalledStream() {
    const child = startTally(['backup', '--data-dir', directory, '--to', '-']);
    child.process.stdout.pause();
    closeAfterTest(async () => {
      child.process.kill('SIGKILL');
      child.process.stdout.destroy();
      await child.ended;
    });
    return child;
  }
});

test('I5: each backup is the ledger at one commit, while two processes write, seal and begin generations', async () => {
  // Small files, so that the newest is sealed under the backup's hands.
  const env = { DATA_DIR: directory, GENERATION_MAX_EVENTS: '1000' };
  const parts = [
    await new PartProcess('accumulate', env).start(),
    await new PartProcess('accumulate', env).start(),
  ];
  const batchEvents = 7;
  let stopping = false;
  const load = Array.from({ length: 8 }, async (_, client) => {
    for (let n = 0; !stopping; n++) {
      const events = Array.from({ length: batchEvents }, (__, i) =>
        structuredEvent(`${client}-${n}-${i}`, '0.01'),
      );
      const response = await fetch(parts[n % 2]?.url ?? '', {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body: JSON.stringify(events),
      });
      await response.arrayBuffer();
      expect(response.status).toBe(204);
    }
  });
  const backups: { path: string; manifest: Manifest }[] = [];
  for (let n = 0; n < 6; n++) {
    const path = `${to}-${n}`;
    // Without the verification, which a stream does not have either; each is verified below.
    const words =
      n % 2 === 0
        ? `tally backup --data-dir ${directory} --to ${path} --no-verify`
        : `mkdir ${path} && tally backup --data-dir ${directory} --to - | tar -xf - -C ${path}`;
    expect(await shell(words)).toMatchObject({ code: 0 });
    const manifest = JSON.parse(readFileSync(join(path, 'backup.json'), 'utf8')) as Manifest;
    backups.push({ path, manifest });
  }
  stopping = true;
  await Promise.all(load);
  const all = readEvents(directory);
  for (const part of parts) expect(await part.stop()).toBe(0);
  for (const { path, manifest } of backups) {
    expect(verifyDirectory(path)).toEqual([]);
    const events = readEvents(path);
    expect(events).toHaveLength(manifest.seq);
    // A commit holds whole batches, and all that was counted before it.
    expect(manifest.seq % batchEvents).toBe(0);
    expect(events).toEqual(all.slice(0, manifest.seq));
  }
  const sealed = backups.map(({ manifest }) => manifest.files.length);
  expect(sealed.at(-1)).toBeGreaterThan(sealed[0] ?? 0);
}, 180_000);
