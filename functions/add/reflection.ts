// gRPC reflection, v1 and v1alpha, loaded at its first call: few processes are ever asked, and its modules and
// descriptors would be 4 MB in each that is not.

import type {
  handleBidiStreamingCall,
  Server as GrpcServer,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import type * as reflection from '@grpc/reflection';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

interface Method {
  readonly deserialize: (bytes: Buffer) => unknown;
  readonly serialize: (message: unknown) => Buffer;
  readonly handle: handleBidiStreamingCall<unknown, unknown>;
}

/** @param describe gives the definitions with their descriptors; called at the first reflection call, if any */
export function addReflection(server: GrpcServer, describe: () => PackageDefinition): void {
  let loaded: ReadonlyMap<string, Method> | undefined;
  for (const version of ['v1', 'v1alpha']) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const load = (): Method => {
      loaded ??= loadMethods(describe());
      const method = loaded.get(path);
      if (method === undefined) throw new Error(`@grpc/reflection has no ${path}`);
      return method;
    };
    const definition: ServiceDefinition = {
      ServerReflectionInfo: {
        path,
        requestStream: true,
        responseStream: true,
        requestDeserialize: (bytes) => load().deserialize(bytes),
        responseSerialize: (message) => load().serialize(message),
        // A server has no use for the client's side.
        requestSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes) => bytes,
      },
    };
    const handle: Method['handle'] = (call) => {
      load().handle(call);
    };
    server.addService(definition, { ServerReflectionInfo: handle });
  }
}

/** What the library would add to a server, by the path of the method. */
function loadMethods(definitions: PackageDefinition): ReadonlyMap<string, Method> {
  const { ReflectionService } = require('@grpc/reflection') as typeof reflection;
  const methods = new Map<string, Method>();
  const recorder: Pick<GrpcServer, 'addService'> = {
    addService(service: ServiceDefinition, implementation: UntypedServiceImplementation) {
      for (const [name, { path, requestDeserialize, responseSerialize }] of Object.entries(service)) {
        const handle = implementation[name] as Method['handle'];
        methods.set(path, { deserialize: requestDeserialize, serialize: responseSerialize, handle });
      }
    },
  };
  new ReflectionService(definitions).addToServer(recorder);
  return methods;
}
