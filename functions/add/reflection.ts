// gRPC reflection, v1 and v1alpha, so that grpcurl needs no file.

import type { Server as GrpcServer } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import type * as reflection from '@grpc/reflection';
import { createRequire } from 'node:module';

import { addLazily } from './lazy-service.ts';

/** @param describe gives the definitions with their descriptors; called at the first reflection call, if any */
export function addReflection(server: GrpcServer, describe: () => PackageDefinition): void {
  const methods = ['v1', 'v1alpha'].map((version) => ({
    path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    requestStream: true,
    responseStream: true,
  }));
  addLazily(server, methods, (recorder) => {
    const { ReflectionService } = createRequire(import.meta.url)('@grpc/reflection') as typeof reflection;
    new ReflectionService(describe()).addToServer(recorder);
  });
}
