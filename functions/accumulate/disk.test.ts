import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { sumEvent } from '../../test/sum-event.ts';
import { makeTempDir } from '../../test/temp-dir.ts';
import { closeAfterTest, getPage } from '../../test/test-log.ts';
import { until } from '../../test/until.ts';
import { verifyDirectory } from './ledger/fixtures.ts';

const start = fileURLToPath(new URL('../../start.js', import.meta.url));

/** Accumulate as a process behind a shell's words, such as a limit. */
function startAccumulate(prefix: string, env: Record<string, string>) {
  const child = spawn('sh', ['-c', `${prefix} exec "$0" "$1"`, process.execPath, start], {
    env: { PATH: process.env['PATH'], FUNCTION: 'accumulate', PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  closeAfterTest(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const url = () =>
    until(`accumulate listens:\n${output}`, () => {
      const port = /"port":(\d+)/.exec(output)?.[1];
      return port !== undefined && `http://127.0.0.1:${port}`;
    });
  return { child, url, ended, output: () => output };
}

async function post(url: string, id: string): Promise<number> {
  const { headers, body } = sumEvent(id, `1.${'0'.repeat(900)}1`);
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.status;
}

describe('I1, I5: a full disk', () => {
  test('is answered with 503 and loses nothing; with space again, what was refused is counted once', async () => {
    const directory = makeTempDir();
    // In blocks of 512 bytes: no file may grow over 512 KiB, which the write-ahead log soon wants to.
    const small = startAccumulate('ulimit -f 1024;', { DATA_DIR: directory });
    const url = await small.url();
    const statuses: number[] = [];
    const counted: string[] = [];
    const refused: string[] = [];
    for (let n = 0; refused.length < 20; n++) {
      expect(n).toBeLessThan(5_000);
      const status = await post(url, `id-${n}`);
      statuses.push(status);
      (status === 204 ? counted : refused).push(`id-${n}`);
    }
    expect([...new Set(statuses)].sort()).toEqual([204, 503]);
    expect(await getPage(url, '/total')).toMatchObject({ count: counted.length });
    expect((await fetch(`${url}/health/liveness`)).status).toBe(200);
    small.child.kill('SIGKILL');
    await small.ended;

    const spacious = startAccumulate('', { DATA_DIR: directory });
    const again = await spacious.url();
    expect(await getPage(again, '/total')).toMatchObject({ count: counted.length });
    for (const id of [...counted.slice(-5), ...refused]) expect(await post(again, id)).toBe(204);
    expect(await getPage(again, '/total')).toMatchObject({ count: counted.length + refused.length });
    spacious.child.kill('SIGTERM');
    expect(await spacious.ended).toBe(0);
    expect(verifyDirectory(directory)).toEqual([]);
    expect(readFileSync(join(directory, 'totals.json'), 'utf8')).toContain(
      `"count": ${counted.length + refused.length}`,
    );
  });
});

describe('a volume that cannot be written', () => {
  test('is refused at start, by its name', async () => {
    // Nobody can make files there, root included.
    const { ended, output } = startAccumulate('', { DATA_DIR: '/sys' });
    expect(await ended).toBe(1);
    expect(output()).toContain('cannot use /sys');
  });

  test('and so is one that is not set, with its variable', async () => {
    const { ended, output } = startAccumulate('', { PORT: 'x' });
    expect(await ended).toBe(78);
    expect(output()).toContain('DATA_DIR is unset');
    expect(output()).toContain('PORT was \\"x\\"');
  });
});
