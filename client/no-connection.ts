// Why there is no gRPC connection. grpc-js tells it in the status of a call only, so one is made that changes nothing.

import type { Client } from '@grpc/grpc-js';

/** A channel without connection answers at once. */
const timeoutMs = 200;

/** @param address as a person gave it */
export async function explainNoConnection(client: Client, address: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const asIs = (bytes: Buffer) => bytes;
  const deadline = Date.now() + timeoutMs;
  client.makeUnaryRequest(
    ...(['/grpc.health.v1.Health/Check', asIs, asIs, Buffer.alloc(0), { deadline }] as const),
    (error) => {
      resolve(error?.details ?? '');
    },
  );
  return explain(await promise, address);
}

/** The texts are those of grpc-js 1.14, of node:net and of OpenSSL; an unknown one leaves the plain message. */
function explain(details: string, address: string): string {
  if (details.startsWith('Name resolution failed')) return `name not found: ${address}`;
  if (details.includes('Protocol error')) return `${address} is not a gRPC server`;
  if (details.includes('SSL routines:') && details.includes('wrong version number')) {
    return `${address} does not speak TLS`;
  }
  const reason = /\bconnect E[A-Z]+/.exec(details)?.[0];
  return `no connection to ${address}${reason === undefined ? '' : `: ${reason}`}`;
}
