import { afterEach, expect, test } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { hostname } from 'node:os';

import { Harness, request } from './harness.ts';

const harness = new Harness();
afterEach(() => harness.stop());

async function instancesOf(metadata: Metadata): Promise<unknown[]> {
  const sink = await harness.sink();
  const { client } = await harness.add({ K_SINK: sink.url });
  let answered = new Metadata();
  await new Promise<void>((resolve, reject) => {
    client
      .add(request(), metadata, (error) => (error === null ? resolve() : reject(error)))
      .on('metadata', (headers: Metadata) => (answered = headers));
  });
  return answered.get('tally-instance');
}

test('Add tells which process answered when it is asked', async () => {
  const metadata = new Metadata();
  metadata.set('tally-instance', '?');
  expect(await instancesOf(metadata)).toEqual([`${hostname()}:${process.pid}`]);
});

test('and nothing of it when it is not', async () => {
  expect(await instancesOf(new Metadata())).toEqual([]);
});
