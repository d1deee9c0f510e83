// A directory in which the commands of a guide do what they do in a clone of the repository, beside a system of its own.

import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from '@jest/globals';

import { commandsOfGuides, readGuide, root } from './guide-commands.ts';
import { startLocalSystem } from './local-system.ts';
import { commandsIn } from './markdown.ts';
import { makeTempDir } from './temp-dir.ts';

/** What the guides use of a clone. */
export function makeClone(): string {
  const directory = makeTempDir();
  mkdirSync(join(directory, 'bin'));
  for (const name of [
    'bin/tally',
    'client',
    'lib',
    'proto',
    'node_modules',
    'package.json',
    'tsconfig.json',
  ]) {
    symlinkSync(join(root, name), join(directory, name));
  }
  return directory;
}

/** `npm start` in such a directory. */
export class Clone {
  readonly directory = makeClone();
  #ports = { add: '', accumulate: '', log: '' };

  async start(): Promise<void> {
    const system = startLocalSystem({ DATA_DIR: join(this.directory, 'data'), LOG_LEVEL: 'error' });
    const portOf = async (part: 'add' | 'accumulate' | 'log'): Promise<string> =>
      (await system.part(part)).address.split(':')[1] ?? '';
    this.#ports = {
      add: await portOf('add'),
      accumulate: await portOf('accumulate'),
      log: await portOf('log'),
    };
  }

  /** A text with the addresses of this system in place of the usual ones. */
  moved(text: string): string {
    const { add, accumulate, log } = this.#ports;
    return text
      .replaceAll('localhost:8080', `127.0.0.1:${add}`)
      .replaceAll('localhost:8081', `127.0.0.1:${accumulate}`)
      .replaceAll('localhost:8082', `127.0.0.1:${log}`);
  }

  /** Gives what a command prints; it has to end well, the first time. */
  run(command: string, cwd = this.directory): string {
    const { add, accumulate, log } = this.#ports;
    const PATH = `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`;
    const { status, stdout, stderr } = spawnSync('sh', ['-c', this.moved(command)], {
      cwd,
      env: { PATH, ADD_PORT: add, ACCUMULATE_PORT: accumulate, LOG_PORT: log },
      encoding: 'utf8',
    });
    expect(`${command} ended with ${status ?? ''}\n${stderr}`).toMatch(/^.* ended with 0$/m);
    return stdout;
  }

  /** Runs what has an output that is expected of it. */
  runAll(name: string, change = (command: string): string => command): void {
    const known = commandsOfGuides[name] ?? [];
    for (const [index, command] of commandsIn(readGuide(name)).entries()) {
      const expected = known[index]?.[1];
      if (expected instanceof RegExp) expect(this.run(change(command))).toMatch(expected);
    }
  }
}
