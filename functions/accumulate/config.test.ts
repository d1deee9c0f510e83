import { describe, expect, test } from '@jest/globals';

import { ConfigError } from '../../lib/env.ts';
import { Child } from '../../test/child.ts';
import { readConfig } from './config.ts';

function problems(env: Readonly<Record<string, string>>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

test('needs only the volume; all else has a default', () => {
  expect(readConfig({ DATA_DIR: '/data' })).toEqual({
    port: 8080,
    host: undefined,
    directory: '/data',
    dedupeWindowMs: 2_592_000_000,
    generationMaxEvents: 16_000_000,
    maxBodyBytes: 1_048_576,
    maxInFlightBytes: 33_554_432,
    maxBatchEvents: 10_000,
    requestTimeoutMs: 30_000,
    lockWaitMs: 5_000,
    whyNoPosting: 'Not from this page: PAGE_POSTING is off.',
  });
});

test('each variable is read', () => {
  expect(
    readConfig({
      PORT: '9000',
      HOST: '127.0.0.1',
      DATA_DIR: '/data',
      DEDUPE_WINDOW: '7d',
      GENERATION_MAX_EVENTS: '1000',
      MAX_BODY_BYTES: '2048',
      MAX_IN_FLIGHT_BYTES: '4096',
      MAX_BATCH_EVENTS: '10',
      REQUEST_TIMEOUT: '5s',
      LOCK_WAIT: '250ms',
    }),
  ).toEqual({
    port: 9000,
    host: '127.0.0.1',
    directory: '/data',
    dedupeWindowMs: 604_800_000,
    generationMaxEvents: 1_000,
    maxBodyBytes: 2_048,
    maxInFlightBytes: 4_096,
    maxBatchEvents: 10,
    requestTimeoutMs: 5_000,
    lockWaitMs: 250,
  });
});

test('empty means unset', () => {
  expect(problems({ PORT: '', DATA_DIR: '' })).toEqual([
    'DATA_DIR is unset, should be the directory of the mounted volume',
  ]);
});

describe('a problem is named with the variable, what it was and what it should be', () => {
  test.each([
    ['PORT', 'http', 'a whole number from 0 to 65535'],
    ['DEDUPE_WINDOW', '59s', 'a duration from 1m to 3650d'],
    ['GENERATION_MAX_EVENTS', '999', 'a whole number from 1000 to 1000000000'],
    ['MAX_BODY_BYTES', '1MB', 'a whole number from 1024 to 67108864'],
    ['MAX_IN_FLIGHT_BYTES', '-1', 'a whole number from 1024 to 1073741824'],
    ['MAX_BATCH_EVENTS', '0', 'a whole number from 1 to 100000'],
    ['REQUEST_TIMEOUT', '30', 'a duration from 100ms to 10m'],
    ['LOCK_WAIT', '2m', 'a duration from 10ms to 1m'],
    ['LOG_LEVEL', 'loud', 'one of trace, debug, info, warn, error, fatal, silent'],
  ])('%s=%s', (name, value, expected) => {
    expect(problems({ DATA_DIR: '/data', [name]: value })).toEqual([
      `${name} was "${value}", should be ${expected}`,
    ]);
  });

  test('a body of the permitted size has to fit into what may be in flight', () => {
    expect(problems({ DATA_DIR: '/data', MAX_BODY_BYTES: '4096', MAX_IN_FLIGHT_BYTES: '4095' })).toEqual([
      'MAX_IN_FLIGHT_BYTES was 4095, should be at least MAX_BODY_BYTES',
    ]);
  });
});

test('the process ends with 78 and one line that names every problem', async () => {
  const child = new Child('start.js', { FUNCTION: 'accumulate', PORT: 'http', LOG_LEVEL: 'loud' });
  expect(await child.ended).toBe(78);
  expect(child.errors).toBe('');
  expect(child.lines).toEqual([
    expect.objectContaining({
      level: 'fatal',
      msg:
        'cannot start: configuration:\n' +
        '  PORT was "http", should be a whole number from 0 to 65535\n' +
        '  LOG_LEVEL was "loud", should be one of trace, debug, info, warn, error, fatal, silent\n' +
        '  DATA_DIR is unset, should be the directory of the mounted volume',
    }),
  ]);
});
