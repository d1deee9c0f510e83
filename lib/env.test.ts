import { fileURLToPath } from 'node:url';

import { describe, expect, test } from '@jest/globals';

import { ConfigError, EnvReader, parseDurationMs } from './env.ts';

const limits = { min: 100, max: 3_600_000 };

describe('durations', () => {
  test.each([
    ['0ms', 0],
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
    ['12h', 43_200_000],
    ['30d', 2_592_000_000],
  ])('%s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test.each([
    [''],
    ['10'],
    ['s'],
    ['1.5s'],
    ['-1s'],
    ['+1s'],
    ['1 s'],
    ['1S'],
    ['1s\n'],
    ['1w'],
    ['1e3s'],
    ['1234567890s'],
  ])('%j is none', (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });
});

describe('reading the environment', () => {
  test.each([
    ['unset', {}],
    ['empty', { PORT: '', WAIT: '', SINK: '', MODE: '', NAME: '' }],
  ])('what is %s has its default', (_, env) => {
    const read = new EnvReader(env);
    expect(read.port('PORT', 8080)).toBe(8080);
    expect(read.durationMs('WAIT', 5_000, limits)).toBe(5_000);
    expect(read.url('SINK')).toBeUndefined();
    expect(read.choice('MODE', ['fast', 'slow'], 'slow')).toBe('slow');
    expect(read.text('NAME')).toBeUndefined();
    expect(() => {
      read.done();
    }).not.toThrow();
  });

  test('what is set is read', () => {
    const file = fileURLToPath(import.meta.url);
    const read = new EnvReader({
      PORT: '0',
      WAIT: '1h',
      SINK: 'https://s/x',
      MODE: 'fast',
      NAME: 'n',
      FILE: file,
    });
    expect(read.port('PORT', 8080)).toBe(0);
    expect(read.durationMs('WAIT', 5_000, limits)).toBe(3_600_000);
    expect(read.url('SINK')?.href).toBe('https://s/x');
    expect(read.choice('MODE', ['fast', 'slow'], 'slow')).toBe('fast');
    expect(read.text('NAME')).toBe('n');
    expect(read.file('FILE', '/other')).toBe(file);
    expect(read.file('NO_FILE', '/other')).toBe('/other');
    read.done();
  });

  test('all problems are reported at once, each with the name, what it was and what it should be', () => {
    const read = new EnvReader({
      ...{ PORT: '65536', SIZE: '1e3', WAIT: '99ms', SINK: 'ftp://x', MODE: 'Fast', TOKEN: '/no/such' },
    });
    expect(read.port('PORT', 8080)).toBe(8080);
    read.integer('SIZE', 5, { min: 1, max: 10 });
    read.durationMs('WAIT', 5_000, limits);
    read.url('SINK');
    read.choice('MODE', ['fast', 'slow'], 'slow');
    expect(read.file('TOKEN')).toBeUndefined();
    read.problem('DATA_DIR', 'is unset, should be a directory');
    expect(() => {
      read.done();
    }).toThrow(
      new ConfigError([
        'PORT was "65536", should be a whole number from 0 to 65535',
        'SIZE was "1e3", should be a whole number from 1 to 10',
        'WAIT was "99ms", should be a duration from 100ms to 1h',
        'SINK was "ftp://x", should be an http:// or https:// address',
        'MODE was "Fast", should be one of fast, slow',
        'TOKEN was "/no/such", should be a file that can be read',
        'DATA_DIR is unset, should be a directory',
      ]),
    );
  });

  test.each([
    ['PORT', ' 8080'],
    ['PORT', '-1'],
    ['PORT', '0x50'],
    ['PORT', '80.0'],
    ['PORT', '\u0661'],
    ['PORT', '9'.repeat(400)],
  ])('%s may not be %j', (name, value) => {
    const read = new EnvReader({ [name]: value });
    read.port(name, 1);
    expect(() => {
      read.done();
    }).toThrow(/^configuration:\n {2}PORT was ".*, should be a whole number from 0 to 65535$/);
  });
});
