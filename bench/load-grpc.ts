// Load for an add function: unary calls, or one stream with many requests in flight. Every request has an id of its own.

import { randomUUID } from 'node:crypto';

import { credentials, loadPackageDefinition } from '@grpc/grpc-js';

import { contract } from '../functions/add/proto.ts';
import type { ProtoGrpcType } from '../proto/generated/adder.ts';
import type { AddRequest } from '../proto/generated/tally/v1/AddRequest.ts';
import type { AddResult__Output } from '../proto/generated/tally/v1/AddResult.ts';
import type { AdderClient } from '../proto/generated/tally/v1/Adder.ts';
import { keepInFlight, keepRate, type LoadResult, serveLoad } from './load.ts';

export interface GrpcLoad {
  readonly address: string;
  readonly method: 'Add' | 'AddAll';
  readonly inFlight: number;
  readonly seconds: number;
  /** Begin so many a second, in place of keeping so many in flight; `Add` only. */
  readonly ratePerSecond?: number;
}

const { tally } = loadPackageDefinition(contract) as unknown as ProtoGrpcType;
const clients = new Map<string, AdderClient>();

function openClient(address: string): AdderClient {
  const client =
    clients.get(address) ??
    new tally.v1.Adder(address, credentials.createInsecure(), { 'grpc.enable_channelz': 0 });
  clients.set(address, client);
  return client;
}

function makeRequest(): AddRequest {
  return { requestId: randomUUID(), a: '2.50', b: '-0.75' };
}

function runUnary(client: AdderClient, { inFlight, seconds, ratePerSecond }: GrpcLoad): Promise<LoadResult> {
  const begin = (done: (error?: Error | null) => void): void => {
    client.add(makeRequest(), done);
  };
  return ratePerSecond === undefined
    ? keepInFlight(inFlight, seconds, begin)
    : keepRate(ratePerSecond, seconds, begin);
}

async function runStream(client: AdderClient, { inFlight, seconds }: GrpcLoad): Promise<LoadResult> {
  const call = client.addAll();
  const ended = new Promise<void>((resolve, reject) => {
    call.on('end', resolve).on('error', reject);
  });
  let answered: (error?: Error | null) => void = () => undefined;
  call.on('data', ({ error }: AddResult__Output) => {
    answered(error ? new Error(error.message) : null);
  });
  const running = keepInFlight(inFlight, seconds, (done) => {
    answered = done;
    call.write(makeRequest());
  });
  const result = await Promise.race([running, ended.then(() => running)]);
  call.end();
  await ended;
  return result;
}

serveLoad((load: GrpcLoad) => {
  const client = openClient(load.address);
  return load.method === 'Add' ? runUnary(client, load) : runStream(client, load);
});
