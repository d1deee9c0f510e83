// `k6/net/grpc`, as far as the scripts use it. Unlike k6's, `connect` does not wait for the connection: a server that is
// not there is answered with UNAVAILABLE by the first call.

import * as grpc from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

import { currentRun } from './modules.ts';
import { milliseconds } from './scenarios.ts';

interface ConnectParams {
  readonly plaintext?: boolean;
  readonly tls?: { readonly cacerts: string };
}
interface CallParams {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeout?: string | number;
}
type Method = MethodDefinition<object, object>;

export const StatusOK = grpc.status.OK;
export const StatusCanceled = grpc.status.CANCELLED;
export const StatusUnknown = grpc.status.UNKNOWN;
export const StatusDeadlineExceeded = grpc.status.DEADLINE_EXCEEDED;
export const StatusResourceExhausted = grpc.status.RESOURCE_EXHAUSTED;
export const StatusAborted = grpc.status.ABORTED;
export const StatusInternal = grpc.status.INTERNAL;
export const StatusUnavailable = grpc.status.UNAVAILABLE;

export class Client {
  readonly #methods = new Map<string, Method>();
  #connection: grpc.Client | undefined;

  /** @param directories as URLs, which import.meta.resolve gives */
  load(directories: readonly string[], ...files: string[]): void {
    const includeDirs = directories.map((url) => fileURLToPath(url));
    // As k6's messages are JSON: names in camel case, every field there, 64 bits as text.
    const definitions = loadSync(files, { includeDirs, defaults: true, longs: String, enums: String });
    for (const definition of Object.values(definitions)) {
      if ('format' in definition) continue;
      for (const method of Object.values(definition)) {
        this.#methods.set(method.path.slice(1), method);
      }
    }
  }

  connect(address: string, { plaintext = false, tls }: ConnectParams = {}): void {
    const credentials = plaintext
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(tls && Buffer.from(tls.cacerts));
    // Users of k6 share no connection either.
    this.#connection = new grpc.Client(address, credentials, { 'grpc.use_local_subchannel_pool': 1 });
  }

  /** What a call needs. */
  open(name: string): { connection: grpc.Client; method: Method } {
    const method = this.#methods.get(name);
    if (method === undefined) throw new Error(`no method ${name} was loaded`);
    if (this.#connection === undefined) throw new Error('no gRPC connection, you must call connect first');
    return { connection: this.#connection, method };
  }

  asyncInvoke(name: string, request: object, params: CallParams = {}) {
    const { connection, method } = this.open(name);
    const startedMs = performance.now();
    return new Promise((resolve) => {
      let headers = {};
      const call = connection.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        toMetadata(params),
        { deadline: Date.now() + milliseconds(params.timeout ?? '60s') },
        (error, message) => {
          currentRun().registry.add('trend', 'grpc_req_duration', performance.now() - startedMs, true);
          const failure = error && { code: error.code, message: error.details };
          resolve({ status: error?.code ?? StatusOK, message: message ?? null, headers, error: failure });
        },
      );
      call.on('metadata', (metadata: grpc.Metadata) => (headers = fromMetadata(metadata)));
    });
  }
}

export class Stream {
  readonly #call: grpc.ClientDuplexStream<object, object>;

  constructor(client: Client, name: string, params: CallParams = {}) {
    const { connection, method } = client.open(name);
    this.#call = connection.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      toMetadata(params),
    );
  }

  on(event: 'data' | 'error' | 'end', listener: (value?: unknown) => void): void {
    this.#call.on(event, listener);
  }

  write(message: object): void {
    this.#call.write(message);
  }

  end(): void {
    this.#call.end();
  }
}

function toMetadata({ metadata = {} }: CallParams): grpc.Metadata {
  const result = new grpc.Metadata();
  for (const [key, value] of Object.entries(metadata)) result.set(key, value);
  return result;
}

const fromMetadata = (metadata: grpc.Metadata): Record<string, string[]> =>
  Object.fromEntries(Object.keys(metadata.getMap()).map((key) => [key, metadata.get(key).map(String)]));

export default {
  ...{ Client, Stream, StatusOK, StatusCanceled, StatusUnknown, StatusDeadlineExceeded },
  ...{ StatusResourceExhausted, StatusAborted, StatusInternal, StatusUnavailable },
};
