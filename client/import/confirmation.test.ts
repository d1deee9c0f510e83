import { expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';

import { createTallyClient } from '../client.ts';
import { FakeAccumulate } from '../testing/fake-accumulate.ts';
import { until } from '../testing/command.ts';
import { Confirmation } from './confirmation.ts';

const rows = Array.from({ length: 500 }, (_, index) => ({
  ...{ line: index + 2, requestId: randomUUID(), a: '1', b: '0', total: 'default' },
}));

async function withAccumulate(
  use: (
    accumulate: FakeAccumulate,
    confirm: (patienceMs: number) => Confirmation,
    counted: Set<string>,
  ) => Promise<void>,
): Promise<void> {
  const accumulate = await new FakeAccumulate().start();
  const client = createTallyClient({ url: accumulate.url });
  const counted = new Set<string>();
  const confirm = (patienceMs: number) =>
    new Confirmation({ client, patienceMs, onCounted: ({ requestId }) => counted.add(requestId) });
  try {
    await use(accumulate, confirm, counted);
  } finally {
    await client.close();
    await accumulate.stop();
  }
}

test('waits until every row is counted, in whatever order that happens', async () => {
  await withAccumulate(async (accumulate, confirm, counted) => {
    const confirmation = confirm(30_000);
    for (const row of rows) await confirmation.add(row);
    const finished = confirmation.finish();
    await until(() => accumulate.requests.length > 10);
    accumulate.count(rows.slice(250));
    await until(() => counted.size === 250);
    accumulate.count(rows);
    expect(await finished).toEqual({ pending: 0, lastError: undefined });
    expect(counted.size).toBe(rows.length);
  });
});

test('says how many rows were not counted in time', async () => {
  await withAccumulate(async (accumulate, confirm, counted) => {
    accumulate.count(rows.slice(0, -3));
    const confirmation = confirm(200);
    for (const row of rows) await confirmation.add(row);
    expect(await confirmation.finish()).toEqual({ pending: 3, lastError: undefined });
    expect(counted.size).toBe(rows.length - 3);
  });
});

test('says why it could not look', async () => {
  await withAccumulate(async (accumulate, confirm) => {
    accumulate.failures = Infinity;
    const confirmation = confirm(200);
    await confirmation.add(rows[0] as (typeof rows)[0]);
    expect(await confirmation.finish()).toMatchObject({ pending: 1, lastError: { code: 'unavailable' } });
  });
});

test('that is called off says nothing of what it called off itself', async () => {
  await withAccumulate(async (accumulate, confirm) => {
    const confirmation = confirm(30_000);
    await confirmation.add(rows[0] as (typeof rows)[0]);
    await until(() => accumulate.requests.length > 2);
    confirmation.stop();
    expect(await confirmation.finish()).toEqual({ pending: 1, lastError: undefined });
  });
});

test('ends soon after its patience when accumulate takes requests and never answers', async () => {
  await withAccumulate(async (accumulate, confirm) => {
    accumulate.silent = true;
    const startedAt = performance.now();
    const confirmation = confirm(300);
    for (const row of rows) await confirmation.add(row);
    expect(await confirmation.finish()).toMatchObject({ pending: 500, lastError: { code: 'timeout' } });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});
