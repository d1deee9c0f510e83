// The client's gRPC connection to the add function, without the client's retries: one attempt, and what came of it.

import { type ServiceError, status } from '@grpc/grpc-js';

import { openChannel } from '../../client/channel.ts';
import type { AddRequest } from '../../proto/generated/tally/v1/AddRequest.ts';
import type { AddResponse__Output } from '../../proto/generated/tally/v1/AddResponse.ts';

export type Attempt = AddResponse__Output | { readonly code: status; readonly message: string };

export interface Adder {
  /** Sends one request; never throws. */
  add(request: AddRequest, deadlineMs: number): Promise<Attempt>;
  close(): void;
}

/** @param authority by which a gateway routes, when it is not the address's host */
export function createAdder(address: string, authority?: string): Adder {
  const channel = openChannel({ address, authority });
  return {
    add: (request, deadlineMs) =>
      new Promise((resolve) => {
        const deadline = Date.now() + deadlineMs;
        channel.adder.add(request, { deadline }, (error: ServiceError | null, response) => {
          if (response !== undefined) resolve(response);
          else resolve({ code: error?.code ?? status.UNKNOWN, message: error?.message ?? '' });
        });
      }),
    close: () => {
      channel.close();
    },
  };
}

export function isOk(attempt: Attempt): attempt is AddResponse__Output {
  return 'sum' in attempt;
}
