// Traces through a real local system, as a collector gets them.

import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';

import { openChannel } from '../client/channel.ts';
import type { AddRequest } from '../proto/generated/tally/v1/AddRequest.ts';
import { Child } from './child.ts';
import { type LocalSystem, startLocalSystem } from './local-system.ts';
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts';
import { makeTempDir } from './temp-dir.ts';

class Caller {
  readonly traceId = randomBytes(16).toString('hex');
  readonly spanId = randomBytes(8).toString('hex');
  readonly #flags: string;

  constructor(flags: '00' | '01') {
    this.#flags = flags;
  }

  /** Calls Add within this caller's span; gives the error's code, 0 for none. */
  async add(system: LocalSystem, request: AddRequest): Promise<number> {
    const { address } = await system.part('add');
    const channel = openChannel({ address });
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${this.traceId}-${this.spanId}-${this.#flags}`);
    const code = await new Promise<number>((resolve) => {
      channel.adder.add(request, metadata, (error: ServiceError | null) => {
        resolve(error?.code ?? 0);
      });
    });
    channel.close();
    return code;
  }

  of(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
    return spans.filter(({ traceId }) => traceId === this.traceId);
  }
}

/** Ends it, so that the parts send what they have. */
async function stop(system: LocalSystem): Promise<void> {
  system.child.kill('SIGTERM');
  expect(await system.ended()).toBe(0);
}

async function counted(system: LocalSystem, id: string): Promise<void> {
  const { address } = await system.part('accumulate');
  const response = await fetch(`http://${address}/requests/${id}?wait=20s`);
  expect(response.status).toBe(200);
}

describe('with a collector', () => {
  test('one trace leads from the caller through both functions to the commit', async () => {
    const collector = await startOtlpReceiver();
    const env = { DATA_DIR: makeTempDir(), LOG_LEVEL: 'error', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const system = startLocalSystem(env);
    const caller = new Caller('01');
    const requestId = randomUUID();
    expect(await caller.add(system, { requestId, a: '2', b: '0.1', total: 'sales' })).toBe(0);
    await counted(system, requestId);
    const other = new Caller('01');
    expect(await other.add(system, { requestId, a: '3', b: '0.1', total: 'sales' })).toBe(6);
    const unsampled = new Caller('00');
    expect(await unsampled.add(system, { requestId: randomUUID(), a: '1', b: '1' })).toBe(0);
    await stop(system);

    const spans = caller.of(collector.spans);
    const path: ReceivedSpan[] = [];
    for (let parent = caller.spanId; ;) {
      const next = spans.find(({ parentId }) => parentId === parent);
      if (next === undefined) break;
      path.push(next);
      parent = next.spanId;
    }
    expect(path.map(({ service, name, failed }) => [service, name, failed])).toEqual([
      ['tally-add', 'tally.v1.Adder/Add', false],
      ['tally-add', 'send', false],
      ['tally-accumulate', 'process', false],
      ['tally-accumulate', 'commit', false],
    ]);
    expect(spans).toHaveLength(path.length);
    expect(path[0]?.attributes).toEqual({ 'tally.request_id': requestId, 'tally.total': 'sales' });
    const refused = other.of(collector.spans);
    expect(refused.map(({ name, failed, attributes }) => [name, failed, attributes['error.type']])).toEqual([
      ['tally.v1.Adder/Add', true, 'conflict'],
    ]);
    expect(unsampled.of(collector.spans)).toEqual([]);
  });

  test('its names and its sampler are those that the environment says', async () => {
    const collector = await startOtlpReceiver();
    const system = startLocalSystem({
      DATA_DIR: makeTempDir(),
      LOG_LEVEL: 'error',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'books',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '1',
    });
    const caller = new Caller('00');
    expect(await caller.add(system, { requestId: randomUUID(), a: '1', b: '1' })).toBe(0);
    await stop(system);
    const services = new Set(caller.of(collector.spans).map(({ service }) => service));
    expect(services).toEqual(new Set(['books']));
  });

  test('that is away, events are counted all the same, and the end is not held up for long', async () => {
    const env = { DATA_DIR: makeTempDir(), OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
    const system = startLocalSystem(env);
    const requestId = randomUUID();
    expect(await new Caller('01').add(system, { requestId, a: '1', b: '1' })).toBe(0);
    await counted(system, requestId);
    await stop(system);
    expect(system.output()).toContain('traces: the last spans were not sent within');
  });
});

describe('OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  test('loads OpenTelemetry where it is set, and nothing of it where it is not', async () => {
    const collector = await startOtlpReceiver();
    const loaded = await Promise.all(
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, {}].map(async (more) => {
        const coverage = makeTempDir();
        const settings = { DATA_DIR: makeTempDir(), LOG_LEVEL: 'error', NODE_V8_COVERAGE: coverage };
        const system = startLocalSystem({ ...settings, ...more });
        const requestId = randomUUID();
        await new Caller('01').add(system, { requestId, a: '1', b: '1' });
        await counted(system, requestId);
        await stop(system);
        return modulesIn(coverage);
      }),
    );
    const ofTelemetry = loaded.map(
      (modules) => modules.filter((url) => url.includes('/@opentelemetry/')).length,
    );
    expect(ofTelemetry).toEqual([expect.any(Number), 0]);
    expect(ofTelemetry[0]).toBeGreaterThan(0);
    for (const modules of loaded)
      expect(modules.some((url) => url.includes('/functions/add/main.ts'))).toBe(true);
  });

  test.each(['add', 'accumulate'])('and its sampler are checked at the start of %s', async (part) => {
    const child = new Child('start.js', {
      FUNCTION: part,
      PORT: '0',
      DATA_DIR: makeTempDir(),
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector',
      OTEL_TRACES_SAMPLER: 'sometimes',
      OTEL_TRACES_SAMPLER_ARG: '2',
    });
    expect(await child.ended).toBe(78);
    const problems =
      /OTEL_EXPORTER_OTLP_ENDPOINT was [^]*OTEL_TRACES_SAMPLER was [^]*OTEL_TRACES_SAMPLER_ARG was /;
    expect(child.output).toMatch(problems);
  });
});

/** All modules that the processes had loaded, by V8's account. */
function modulesIn(coverage: string): string[] {
  return readdirSync(coverage).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as {
      readonly result: readonly { readonly url: string }[];
    };
    return result.map(({ url }) => url);
  });
}
