// gRPC services that are loaded at their first call: few processes are ever asked for them, and what they need would
// be a fifth of every start (docs/adr/0010-start-up.md) and 4 MB of every process.

import type {
  MethodDefinition,
  Server as GrpcServer,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';

/** A method of a service that is not loaded yet. */
export type LazyMethod = Pick<
  MethodDefinition<unknown, unknown>,
  'path' | 'requestStream' | 'responseStream'
>;

type Handle = (...parts: unknown[]) => void;

interface Method {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handle: Handle;
}

/**
 * Adds the methods of one service.
 * @param load adds all of them to what it is given, which takes the server's place; called once, at the first call
 */
export function addLazily(
  server: GrpcServer,
  methods: readonly LazyMethod[],
  load: (recorder: Pick<GrpcServer, 'addService'>) => void,
): void {
  let loaded: ReadonlyMap<string, Method> | undefined;
  const find = (path: string): Method => {
    loaded ??= record(load);
    const method = loaded.get(path);
    if (method === undefined) throw new Error(`what was loaded has no ${path}`);
    return method;
  };
  const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of methods) {
    const { path } = method;
    definition[path] = {
      ...method,
      requestDeserialize: (bytes) => find(path).definition.requestDeserialize(bytes),
      responseSerialize: (message) => find(path).definition.responseSerialize(message),
      // A server has no use for the client's side.
      requestSerialize: (bytes) => bytes as Buffer,
      responseDeserialize: (bytes) => bytes,
    };
    const handle: Handle = (...parts) => {
      find(path).handle(...parts);
    };
    implementation[path] = handle as UntypedHandleCall;
  }
  server.addService(definition, implementation);
}

/** What `load` would add to a server, by the path of the method. */
function record(load: (recorder: Pick<GrpcServer, 'addService'>) => void): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  load({
    addService(service: ServiceDefinition, implementation: UntypedServiceImplementation) {
      for (const [name, definition] of Object.entries(service)) {
        // As grpc-js looks for it.
        const handle = implementation[name] ?? implementation[definition.originalName ?? ''];
        methods.set(definition.path, { definition, handle: handle as Handle });
      }
    },
  });
  return methods;
}
