import { describe, expect, test } from '@jest/globals';

import { readOptions, usage } from './options.ts';

const needed = ['--image', 'dev.local/tally:1', '--overlay', 'no-kafka', '--gateway', '127.0.0.1:80'];

test('three options are enough', () => {
  const options = readOptions(needed);
  expect(options).toMatchObject({
    image: 'dev.local/tally:1',
    overlay: 'no-kafka',
    keep: false,
    pods: 3,
    kills: 6,
  });
  expect(options.namespace).toMatch(/^tally-e2e-[0-9a-f]{8}$/);
  expect(readOptions(needed).namespace).not.toBe(options.namespace);
});

test('every option is read and explained', () => {
  const more = {
    'authority-suffix': 'example.com',
    namespace: 'mine',
    pods: '5',
    kills: '0',
    seed: '7',
    minutes: '20',
    'storage-class': 'fast',
    kafka: 'kafka:9092',
    prepare: 'true',
    cleanup: 'false',
    json: 'e2e.json',
  };
  const flags = Object.entries(more).flatMap(([name, value]) => [`--${name}`, value]);
  expect(readOptions([...needed, '--keep', ...flags])).toEqual({
    image: 'dev.local/tally:1',
    overlay: 'no-kafka',
    gateway: '127.0.0.1:80',
    authoritySuffix: 'example.com',
    namespace: 'mine',
    keep: true,
    pods: 5,
    kills: 0,
    seed: 7,
    minutes: 20,
    storageClass: 'fast',
    kafka: 'kafka:9092',
    prepare: 'true',
    cleanup: 'false',
    json: 'e2e.json',
  });
  for (const name of ['image', 'overlay', 'gateway', 'keep', ...Object.keys(more)]) {
    expect(usage).toContain(`--${name} `);
  }
});

describe('a mistake is named', () => {
  test.each([
    [['--overlay', 'no-kafka'], '--image is missing, should be the name of an image'],
    [[...needed, '--overlay', 'nats'], '--overlay was "nats", should be no-kafka or kafka'],
    [[...needed, '--gateway', 'http://gateway'], '--gateway was "http://gateway", should be HOST:PORT'],
    [[...needed, '--image', 'tally@sha256:12'], '--image was "tally@sha256:12"'],
    [[...needed, '--namespace', 'Mine'], '--namespace was "Mine", should be a short name of a-z, 0-9 and -'],
    [[...needed, '--pods', '0'], '--pods was "0", should be a whole number from 1 to 50'],
    [[...needed, '--kills', 'many'], '--kills was "many", should be a whole number from 0 to 100'],
    [[...needed, '--fast'], "Unknown option '--fast'"],
  ])('%j', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
