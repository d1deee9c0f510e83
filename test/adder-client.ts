// A bare gRPC client of the add function: one attempt, and what came of it. Retrying is the test's.

import { credentials, loadPackageDefinition, type ServiceError, status } from '@grpc/grpc-js';

import { contract } from '../functions/add/proto.ts';
import type { ProtoGrpcType } from '../proto/generated/adder.ts';
import type { AddRequest } from '../proto/generated/tally/v1/AddRequest.ts';
import type { AddResponse__Output } from '../proto/generated/tally/v1/AddResponse.ts';
import { closeAfterTest } from './test-log.ts';

const { tally } = loadPackageDefinition(contract) as unknown as ProtoGrpcType;

export type Attempt = AddResponse__Output | { readonly code: status; readonly message: string };

/** A function that sends one request to `address` and never throws. */
export function createAdder(address: string, deadlineMs = 2_000): (request: AddRequest) => Promise<Attempt> {
  const client = new tally.v1.Adder(address, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 20,
    'grpc.max_reconnect_backoff_ms': 100,
  });
  closeAfterTest(() => {
    client.close();
    return Promise.resolve();
  });
  return (request) =>
    new Promise((resolve) => {
      client.add(request, { deadline: Date.now() + deadlineMs }, (error: ServiceError | null, response) => {
        if (response !== undefined) resolve(response);
        else resolve({ code: error?.code ?? status.UNKNOWN, message: error?.message ?? '' });
      });
    });
}

export function isOk(attempt: Attempt): attempt is AddResponse__Output {
  return 'sum' in attempt;
}
