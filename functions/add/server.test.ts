import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { credentials, loadPackageDefinition, Metadata, status, type Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { createRequire } from 'node:module';
import { connect } from 'node:http2';

import { add, detailsOf, failure, type FakeSink, Harness, request, until } from './harness.ts';

const harness = new Harness();
let sink: FakeSink;

beforeEach(async () => {
  sink = await harness.sink();
});
afterEach(() => harness.stop());

function http(port: number, path: string, method = 'GET'): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, { method });
}

interface Methods extends Client {
  check(message: { service: string }, done: (error: Error | null, answer?: { status: string }) => void): void;
  list(message: object, done: (error: Error | null, answer?: { statuses: object }) => void): void;
  watch(message: { service: string }): AsyncIterable<{ status: string }> & { cancel(): void };
}

/** A client as grpcurl would make it, from the public definition. */
function serviceClient(port: number, file: string, name: string): Client {
  const options = { keepCase: true, enums: String, defaults: true, oneofs: true };
  const definition = loadPackageDefinition(loadSync(file, options));
  const path = name.split('.');
  const Constructor = path.reduce<unknown>(
    (part, key) => (part as Record<string, unknown>)[key],
    definition,
  ) as new (...args: unknown[]) => Client;
  const client = new Constructor(`127.0.0.1:${port}`, credentials.createInsecure());
  harness.onStop(() => {
    client.close();
  });
  return client;
}

async function checkHealth(port: number, service: string): Promise<string | undefined> {
  const client = serviceClient(port, healthProto, 'grpc.health.v1.Health') as Methods;
  return new Promise((resolve, reject) => {
    client.check({ service }, (error, answer) => {
      if (error === null) resolve(answer?.status);
      else reject(error);
    });
  });
}

async function listHealth(port: number): Promise<object | undefined> {
  const client = serviceClient(port, healthProto, 'grpc.health.v1.Health') as Methods;
  return new Promise((resolve, reject) => {
    client.list({}, (error, answer) => {
      if (error === null) resolve(answer?.statuses);
      else reject(error);
    });
  });
}

describe('with a sink', () => {
  test('is alive and ready over HTTP and gRPC on one port', async () => {
    const { port } = await harness.add({ K_SINK: sink.url });
    expect((await http(port, '/health/liveness')).status).toBe(200);
    expect((await http(port, '/health/readiness')).status).toBe(200);
    await expect(checkHealth(port, '')).resolves.toBe('SERVING');
    await expect(checkHealth(port, 'tally.v1.Adder')).resolves.toBe('SERVING');
    await expect(checkHealth(port, 'other')).rejects.toMatchObject({ code: status.NOT_FOUND });
    const serving = { status: 'SERVING' };
    await expect(listHealth(port)).resolves.toEqual({ '': serving, 'tally.v1.Adder': serving });
  });

  test('serves metrics, and 404 or 405 for the rest', async () => {
    const { port, client } = await harness.add({ K_SINK: sink.url });
    await add(client, request());
    const metrics = await http(port, '/metrics');
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    const text = await metrics.text();
    expect(text).toContain('tally_add_requests_total{method="Add",code="OK"} 1');
    expect(text).toContain('tally_add_sink_attempts_total{outcome="acknowledged"} 1');
    expect(text).toContain('tally_add_duration_seconds_count{method="Add"} 1');
    expect((await http(port, '/')).status).toBe(404);
    expect((await http(port, '/health')).status).toBe(404);
    expect((await http(port, '/metrics', 'POST')).status).toBe(405);
  });

  test.each(['v1', 'v1alpha'])('reflection %s lists the services and gives their files', async (version) => {
    const { port } = await harness.add({ K_SINK: sink.url });
    const resolve = createRequire(import.meta.url).resolve('@grpc/reflection');
    const file = resolve.replace(/build\/src\/.*/, `build/proto/grpc/reflection/${version}/reflection.proto`);
    const client = serviceClient(port, file, `grpc.reflection.${version}.ServerReflection`);
    const method = Reflect.get(client, 'ServerReflectionInfo') as () => NodeJS.ReadWriteStream;
    const stream = method.call(client);
    const answers: Record<string, unknown>[] = [];
    stream.on('data', (answer: unknown) => answers.push(answer as Record<string, unknown>));
    const ended = new Promise((done) => stream.on('end', done));
    const write = (message: object) => stream.write(message as unknown as string);
    write({ list_services: '*' });
    write({ file_containing_symbol: 'tally.v1.Adder' });
    write({ file_containing_symbol: 'tally.v1.None' });
    stream.end();
    await ended;
    expect(answers[0]).toMatchObject({
      list_services_response: { service: [{ name: 'tally.v1.Adder' }, { name: 'grpc.health.v1.Health' }] },
    });
    expect(answers[1]).toMatchObject({ message_response: 'file_descriptor_response' });
    expect(answers[2]).toMatchObject({ error_response: { error_code: status.NOT_FOUND } });
  });

  test('a method that is not there is UNIMPLEMENTED, and what is not gRPC is 415', async () => {
    const { port, client } = await harness.add({ K_SINK: sink.url });
    const echo = (bytes: Buffer) => bytes;
    const call = new Promise((resolve, reject) => {
      client.makeUnaryRequest('/tally.v1.Adder/Nope', echo, echo, Buffer.alloc(0), (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
    expect((await failure(call)).code).toBe(status.UNIMPLEMENTED);
    const session = connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':path': '/tally.v1.Adder/Add', ':method': 'POST' });
    stream.end('{}');
    const answered = new Promise((resolve) =>
      stream.on('response', (headers) => {
        resolve(headers[':status']);
      }),
    );
    await expect(answered).resolves.toBe(415);
    session.destroy();
  });

  test('bytes that are no message are refused and nothing is sent', async () => {
    const { client } = await harness.add({ K_SINK: sink.url });
    const send = (bytes: Buffer) =>
      new Promise((resolve, reject) => {
        const echo = (value: Buffer) => value;
        client.makeUnaryRequest('/tally.v1.Adder/Add', echo, echo, bytes, (error, answer) => {
          if (error === null) resolve(answer);
          else reject(error);
        });
      });
    expect((await failure(send(Buffer.from('ffffffffff', 'hex')))).code).toBe(status.INTERNAL);
    expect((await failure(send(Buffer.from('0a02c3281201311a0131', 'hex')))).code).toBe(
      status.INVALID_ARGUMENT,
    );
    expect(sink.events).toHaveLength(0);
    await expect(add(client, request())).resolves.toMatchObject({ sum: '5' });
  });

  test('a deadline that is no deadline is refused and nothing is sent', async () => {
    const { client } = await harness.add({ K_SINK: sink.url });
    const metadata = new Metadata();
    metadata.set('grpc-timeout', 'soon');
    const error = await failure(add(client, request(), {}, metadata));
    expect(error.code).toBe(status.INTERNAL);
    expect(sink.events).toHaveLength(0);
  });
});

describe('without K_SINK', () => {
  test('starts, lives, is not ready, and Add says why', async () => {
    const { port, client } = await harness.add({ K_SINK: '' });
    expect((await http(port, '/health/liveness')).status).toBe(200);
    const readiness = await http(port, '/health/readiness');
    expect(readiness.status).toBe(503);
    expect(await readiness.text()).toContain('K_SINK is not set');
    await expect(checkHealth(port, 'tally.v1.Adder')).resolves.toBe('NOT_SERVING');
    const error = await failure(add(client, request()));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.details).toContain('K_SINK');
    expect(detailsOf(error)['RetryInfo']).toBeDefined();
    const stream = client.addAll();
    stream.resume();
    const refused = new Promise((resolve) => stream.on('error', resolve));
    await expect(refused).resolves.toMatchObject({ code: status.UNAVAILABLE });
  });
});

describe('drain', () => {
  test('finishes what is in flight, refuses the rest, says so everywhere, and ends', async () => {
    const running = await harness.add({ K_SINK: sink.url });
    const { port } = running;
    const gate = sink.hold();
    const first = add(running.client, request());
    await until(() => sink.events.length === 1);
    const drained = running.add.drain();
    const readiness = await http(port, '/health/readiness');
    expect(readiness.status).toBe(503);
    expect(await readiness.text()).toContain('stopping');
    expect((await http(port, '/health/liveness')).status).toBe(200);
    await expect(checkHealth(port, '')).resolves.toBe('NOT_SERVING');
    const refused = await failure(add(harness.client(port), request()));
    expect(refused.code).toBe(status.UNAVAILABLE);
    expect(refused.details).toContain('stopping');
    gate.open();
    await expect(first).resolves.toMatchObject({ sum: '5' });
    await drained;
    expect(sink.events).toHaveLength(1);
    await expect(http(port, '/health/liveness')).rejects.toThrow();
  });

  test('idle connections and health watchers do not hold it', async () => {
    const running = await harness.add({ K_SINK: sink.url });
    await add(running.client, request());
    const health = serviceClient(running.port, healthProto, 'grpc.health.v1.Health') as Methods;
    const statuses: string[] = [];
    const watching = failure(
      (async () => {
        for await (const answer of health.watch({ service: '' })) statuses.push(answer.status);
      })(),
    );
    await until(() => statuses.length === 1);
    await running.add.drain();
    expect((await watching).code).toBe(status.UNAVAILABLE);
    expect(statuses).toEqual(['SERVING', 'NOT_SERVING']);
  });
});
