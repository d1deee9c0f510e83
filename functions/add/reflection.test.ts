import { expect, test } from '@jest/globals';
import { type Client, credentials, loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';

import type { ProtoGrpcType } from '../../proto/generated/adder.ts';
import { contract, loadContractAsWritten } from './proto.ts';
import { addReflection } from './reflection.ts';

const echo = (bytes: Buffer): Buffer => bytes;

/** Asks for the list of services, in the bytes of the protocol, and gives the bytes of the answer. */
function listServices(client: Client, version: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const stream = client.makeBidiStreamRequest(path, echo, echo);
    stream.on('data', resolve).on('error', reject);
    // Field 7, list_services: "*".
    stream.end(Buffer.from('3a012a', 'hex'));
  });
}

test('descriptors are made at the first reflection call, once for both versions', async () => {
  let described = 0;
  const server = new Server();
  addReflection(server, () => {
    described++;
    return loadContractAsWritten();
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const { tally } = loadPackageDefinition(contract) as unknown as ProtoGrpcType;
  const client = new tally.v1.Adder(`127.0.0.1:${port}`, credentials.createInsecure());
  expect(described).toBe(0);
  expect((await listServices(client, 'v1alpha')).toString()).toContain('tally.v1.Adder');
  expect((await listServices(client, 'v1')).toString()).toContain('tally.v1.Adder');
  expect(described).toBe(1);
  client.close();
  server.forceShutdown();
});
