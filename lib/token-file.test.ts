import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { makeTempDir } from '../test/temp-dir.ts';
import { TokenFile } from './token-file.ts';

test('a token is what is in the file, without the line break at its end', () => {
  const path = join(makeTempDir(), 'token');
  writeFileSync(path, 'a.b.c\n');
  expect(new TokenFile(path).read()).toBe('a.b.c');
});

test('a token of the same length that is written over another one is seen at once', () => {
  const path = join(makeTempDir(), 'token');
  const file = new TokenFile(path);
  const tokens = Array.from({ length: 200 }, (_, index) => `token-${index + 100}`);
  const seen = tokens.map((token) => {
    writeFileSync(`${path}.new`, token);
    renameSync(`${path}.new`, path);
    return file.read();
  });
  expect(seen).toEqual(tokens);
});

test('a token is seen when Kubernetes replaces the directory behind its link', () => {
  const volume = makeTempDir();
  const publish = (name: string, token: string): void => {
    mkdirSync(join(volume, name));
    writeFileSync(join(volume, name, 'token'), token);
    symlinkSync(name, join(volume, '..data_tmp'));
    renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
  };
  publish('..1', 'first');
  symlinkSync('..data/token', join(volume, 'token'));
  const file = new TokenFile(join(volume, 'token'));
  expect(file.read()).toBe('first');
  publish('..2', 'other');
  expect(file.read()).toBe('other');
});

test.each(['', '\n', 'two tokens', 'half\r\nx: y'])('a file with %j in it has no token', (text) => {
  const path = join(makeTempDir(), 'token');
  writeFileSync(path, text);
  expect(() => new TokenFile(path).read()).toThrow(
    expect.objectContaining({ code: 'unavailable', message: expect.stringContaining(path) }),
  );
});

test('a file that is gone has no token, until it is there again', () => {
  const path = join(makeTempDir(), 'token');
  const file = new TokenFile(path);
  writeFileSync(path, 'first');
  expect(file.read()).toBe('first');
  rmSync(path);
  expect(() => file.read()).toThrow(/ENOENT/);
  writeFileSync(path, 'again');
  expect(file.read()).toBe('again');
});
