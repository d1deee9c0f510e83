import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { runTally, startTally } from '../../client/testing/command.ts';
import { startAccumulate } from '../../test/accumulate.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { until } from '../../test/until.ts';
import { backUpToDirectory } from './ledger/backup.ts';
import { entry, retention, TestLedger } from './ledger/fixtures.ts';
import { generationFile } from './ledger/generation-file.ts';
import { Reader } from './ledger/reader.ts';
import { restore, streamSource } from './ledger/restore.ts';
import { Volume } from './ledger/volume.ts';
import { tarEnd, tarHeader, tarPadding } from './ledger/tar.ts';

const ignore = (): void => undefined;

/** The files of a backup of a ledger of three files, and the events in it. */
const files: Record<string, Buffer> = {};
let events: unknown[];
let backup: string;
let target: string;

beforeAll(async () => {
  const ledger = new TestLedger(makeTempDir(), { ...retention, maxEvents: 20 });
  for (let n = 0; n < 50; n++) ledger.apply(entry(`id-${n}`, '1.5'));
  events = readEvents(ledger.directory);
  const source = new Volume(ledger.directory, 'read');
  const to = join(makeTempDir(), 'backup');
  await backUpToDirectory(source, to, { verify: true, onProgress: ignore });
  source.close();
  ledger.close();
  for (const name of readdirSync(to)) files[name] = readFileSync(join(to, name));
});

beforeEach(() => {
  backup = makeTempDir();
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(backup, name), bytes);
  target = join(makeTempDir(), 'volume');
});

function readEvents(directory: string): unknown[] {
  const reader = new Reader(directory);
  try {
    return reader.entriesAfter(0, 1_000);
  } finally {
    reader.close();
  }
}

function makeTar(content: Readonly<Record<string, Buffer>> = files): Buffer {
  // The list comes last, as it is made last.
  const names = Object.keys(content).sort().reverse();
  const parts = names.flatMap((name) => {
    const bytes = content[name] ?? Buffer.alloc(0);
    return [tarHeader(name, bytes.length, 0), bytes, tarPadding(bytes.length)];
  });
  return Buffer.concat([...parts, tarEnd]);
}

/** What a directory that holds no ledger has, and nothing of a restore either. */
function leftIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

const run = (...args: string[]) => runTally(['restore', '--data-dir', target, ...args]);

describe('tally restore', () => {
  test('puts a directory in place, and accumulate goes on from there', async () => {
    const { code, stdout, stderr } = await run('--from', backup);
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^${target} holds the ledger as of 2.*Z: 50 events, 3 files\\.`));
    expect(code).toBe(0);
    expect(readdirSync(target)).toEqual([1, 2, 3].map((n) => generationFile('.', n)));
    expect(readEvents(target)).toEqual(events);
    // As accumulate leaves its files: the header says that there is a write-ahead log (https://sqlite.org/fileformat.html).
    expect(readFileSync(generationFile(target, 1)).subarray(18, 20)).toEqual(Buffer.from([2, 2]));
    const accumulate = await startAccumulate({ DATA_DIR: target });
    expect((await accumulate.add('id-0', '1.5', { source: '/test' })).headers.get('tally-outcome')).toBe(
      'duplicate',
    );
    expect((await accumulate.add('new', '1')).headers.get('tally-outcome')).toBe('applied');
    expect(await accumulate.total()).toEqual({ total: '76', count: 51 });
  });

  test('takes a stream from a file', async () => {
    const file = join(backup, 'stream');
    writeFileSync(file, makeTar());
    expect(await run('--from', file, '--json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"seq":50'),
    });
    expect(readEvents(target)).toEqual(events);
  });

  test('keeps what else is in the directory, such as the embedded log', async () => {
    mkdirSync(join(target, 'lost+found'), { recursive: true });
    writeFileSync(join(target, 'log.db'), 'x');
    expect(await run('--from', backup)).toMatchObject({ code: 0 });
    expect(readdirSync(target)).toEqual(expect.arrayContaining(['log.db', 'lost+found']));
    expect(readEvents(target)).toEqual(events);
  });

  test('takes a backup whose first file is not the first generation', async () => {
    const ledger = new TestLedger(makeTempDir(), { ...retention, maxEvents: 20 });
    for (let n = 0; n < 50; n++) ledger.apply(entry(`id-${n}`, '1.5'));
    ledger.volume.newest.setOldest(2);
    rmSync(generationFile(ledger.directory, 1));
    const source = new Volume(ledger.directory, 'read');
    const from = join(makeTempDir(), 'backup');
    await backUpToDirectory(source, from, { verify: true, onProgress: ignore });
    source.close();
    ledger.close();
    expect(await run('--from', from)).toMatchObject({ code: 0 });
    expect(readdirSync(target)).toEqual([2, 3].map((n) => generationFile('.', n)));
    expect(readEvents(target)).toEqual(readEvents(from));
    expect(readEvents(target)).toHaveLength(30);
  });

  test.each([
    ['without a backup', () => [], /--from is missing/],
    ['of a backup that is not there', () => ['--from', '/nowhere'], /cannot read \/nowhere: ENOENT/],
    [
      'into what is no directory',
      () => ['--from', backup, '--data-dir', join(backup, 'backup.json')],
      /EEXIST|ENOTDIR/,
    ],
    ['with an option that is none', () => ['--form', backup], /--form/],
  ])('%s is refused with exit code 2', async (_, args, message) => {
    const { code, stderr } = await run(...args());
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  test('into a directory that a running accumulate uses is refused, with what to do', async () => {
    const accumulate = await startAccumulate();
    await accumulate.add('x', '7');
    const { code, stderr } = await run('--from', backup, '--data-dir', accumulate.directory);
    expect(stderr).toMatch(/holds a ledger: stop accumulate and move its ledger-\* files and totals\.json/);
    expect(code).toBe(2);
    expect(await accumulate.total()).toEqual({ total: '7', count: 1 });
    await accumulate.drain();
    expect(readEvents(accumulate.directory)).toHaveLength(1);
  });

  test('beside a totals.json, which would say that events are missing, it is refused', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'totals.json'), JSON.stringify({ format: 1, seq: 60, totals: {} }));
    expect(await run('--from', backup)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('totals.json'),
    });
    expect(readdirSync(target)).toEqual(['totals.json']);
  });
});

describe('I5: a backup that is damaged or not whole is refused, and nothing is put in place', () => {
  const newest = generationFile('.', 3);
  test.each([
    ['without its list', () => rmSync(join(backup, 'backup.json')), /it has no backup\.json/],
    ['whose list is cut off', () => writeFileSync(join(backup, 'backup.json'), '{"format":'), /is not JSON/],
    [
      'whose list is another file',
      () => writeFileSync(join(backup, 'backup.json'), '{}'),
      /backup\.json is damaged/,
    ],
    [
      'of a newer format',
      () => writeFileSync(join(backup, 'backup.json'), '{"format":2}'),
      /format 2, newer/,
    ],
    ['with a missing file', () => rmSync(join(backup, newest)), /ledger-00000003\.db is missing/],
    [
      'with a file that is not listed',
      () => copyFileSync(join(backup, newest), join(backup, generationFile('.', 4))),
      /ledger-00000004\.db is not listed/,
    ],
    [
      'that was used since',
      () => sql('UPDATE generation SET duplicates = 5'),
      /ledger-00000003\.db is damaged/,
    ],
  ])('a directory %s', async (_, damage, message) => {
    damage();
    const { code, stderr } = await run('--from', backup);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
    expect(leftIn(target)).toEqual([]);
  });

  test('a directory of which any bit was flipped', async () => {
    const names = Object.keys(files).filter((name) => name !== 'backup.json');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.nat(), fc.nat(7), async (name, at, bit) => {
        const bytes = Buffer.from(files[name] ?? '');
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
        await expect(restoreStream(makeTar({ ...files, [name]: bytes }))).rejects.toThrow(
          `${name} is damaged`,
        );
        expect(leftIn(target)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('a stream that was cut off anywhere', async () => {
    const whole = makeTar();
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 513), async (length) => {
        await expect(restoreStream(whole.subarray(0, length))).rejects.toMatchObject({ code: 'damaged' });
        expect(leftIn(target)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('a stream with anything else in it, such as a path out of the directory', async () => {
    await expect(restoreStream(makeTar({ ...files, '../evil': Buffer.from('x') }))).rejects.toThrow(
      'it holds "../evil"',
    );
    expect(existsSync(join(target, '..', 'evil'))).toBe(false);
  });

  test('a backup of a ledger that was damaged already, unless it is told not to recompute it', async () => {
    sql(`UPDATE opening SET total = '9'`);
    const damaged = join(makeTempDir(), 'damaged');
    const source = new Volume(backup, 'read');
    await backUpToDirectory(source, damaged, { verify: false, onProgress: ignore });
    source.close();
    const { code, stderr } = await run('--from', damaged);
    expect(stderr).toMatch(/is not a whole backup:[^]*ledger-00000003\.db: .*the row of total "default"/);
    expect(code).toBe(1);
    expect(leftIn(target)).toEqual([]);
    expect(await run('--from', damaged, '--no-verify')).toMatchObject({ code: 0 });
  });

  async function restoreStream(bytes: Buffer): Promise<void> {
    async function* stream(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(bytes);
    }
    await restore(streamSource('the stream', stream()), target, { verify: true, onProgress: ignore });
  }

  function sql(statement: string): void {
    const db = new DatabaseSync(generationFile(backup, 3));
    db.exec(statement);
    db.close();
  }
});

describe('I5: a restore that is interrupted leaves no ledger that anybody could count on', () => {
  /** A restore that waits for the rest of its stream. */
  async function startHalf() {
    const child = startTally(['restore', '--from', '-', '--data-dir', target]);
    const whole = makeTar();
    child.process.stdin.write(whole.subarray(0, whole.length / 2));
    await until('half is received', () => existsSync(join(target, '.restore', 'ledger-00000003.db')));
    return child;
  }

  test('a killed one keeps accumulate from starting, and is begun anew', async () => {
    const child = await startHalf();
    const other = await run('--from', backup);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('another process is at work') });
    child.process.kill('SIGKILL');
    await child.ended;
    await expect(startAccumulate({ DATA_DIR: target })).rejects.toThrow(/ledger-00000001\.db is damaged/);
    expect(await run('--from', backup)).toMatchObject({ code: 0 });
    expect(readEvents(target)).toEqual(events);
  });

  test('one that is asked to stop leaves the directory as it was', async () => {
    const child = await startHalf();
    child.process.kill('SIGTERM');
    expect(await child.ended).toMatchObject({ code: 143 });
    expect(leftIn(target)).toEqual([]);
  });
});
