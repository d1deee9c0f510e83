// gRPC health (grpc.health.v1), for clients that ask for it: Knative's probes come over HTTP.

import type { Server as GrpcServer } from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import type * as healthCheck from 'grpc-health-check';
import { createRequire } from 'node:module';

import { addLazily } from './lazy-service.ts';
import { adderName } from './proto.ts';
import type { Readiness } from './readiness.ts';

const methods = Object.entries({ Check: false, List: false, Watch: true }).map(([name, responseStream]) => ({
  path: `/grpc.health.v1.Health/${name}`,
  requestStream: false,
  responseStream,
}));

function loadHealthCheck(): typeof healthCheck {
  return createRequire(import.meta.url)('grpc-health-check') as typeof healthCheck;
}

export function addHealth(server: GrpcServer, readiness: Readiness): void {
  addLazily(server, methods, (recorder) => {
    const { HealthImplementation } = loadHealthCheck();
    const health = new HealthImplementation();
    const tell = (): void => {
      const status = readiness.refusal === undefined ? 'SERVING' : 'NOT_SERVING';
      for (const name of ['', adderName]) health.setStatus(name, status);
    };
    tell();
    readiness.onRefusal(tell);
    health.addToServer(recorder);
  });
}

/** One of its messages: reflection learns of a file from the messages in it. */
export function loadHealthMessage(): MessageTypeDefinition<object, object> | undefined {
  return Object.values(loadHealthCheck().service)[0]?.requestType;
}
