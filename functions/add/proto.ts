// The contract in proto/, read at run time; its types are generated from the same files with the same options
// (`npm run proto`).
//
// Read with protobufjs itself: @grpc/proto-loader builds descriptors on top, a tenth of a start, which only reflection
// has a use for.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import type * as loader from '@grpc/proto-loader';
import protobuf, { type Type } from 'protobufjs';

import type { BadRequest, BadRequest__Output } from '../../proto/generated/google/rpc/BadRequest.ts';
import type { ErrorInfo, ErrorInfo__Output } from '../../proto/generated/google/rpc/ErrorInfo.ts';
import type { RetryInfo, RetryInfo__Output } from '../../proto/generated/google/rpc/RetryInfo.ts';
import type { Status, Status__Output } from '../../proto/generated/google/rpc/Status.ts';
import type { AdderDefinition } from '../../proto/generated/tally/v1/Adder.ts';

export const adderName = 'tally.v1.Adder';

const directory = fileURLToPath(new URL('../../proto', import.meta.url));
const files = ['adder.proto', 'google/rpc/error_details.proto'];
/** How messages are given to the program; the generator is called with the same. */
const conversion = { longs: Number, enums: String, defaults: true, oneofs: true };

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => join(directory, target);
root.loadSync(files).resolveAll();

/** A message on the wire and off it. */
export interface Codec<Input extends object, Output extends object> {
  readonly serialize: (message: Input) => Buffer;
  readonly deserialize: (bytes: Uint8Array) => Output;
}

function codecOf<Input extends object, Output extends object>(type: Type): Codec<Input, Output> {
  return {
    // In Node protobufjs writes into Buffers.
    serialize: (message) => type.encode(type.fromObject(message)).finish() as Buffer,
    deserialize: (bytes) => type.toObject(type.decode(bytes), conversion) as Output,
  };
}

export const statusType = codecOf<Status, Status__Output>(root.lookupType('google.rpc.Status'));
export const badRequestType = codecOf<BadRequest, BadRequest__Output>(
  root.lookupType('google.rpc.BadRequest'),
);
export const errorInfoType = codecOf<ErrorInfo, ErrorInfo__Output>(root.lookupType('google.rpc.ErrorInfo'));
export const retryInfoType = codecOf<RetryInfo, RetryInfo__Output>(root.lookupType('google.rpc.RetryInfo'));

function defineMethod({ name, requestStream, responseStream, ...method }: protobuf.Method) {
  const request = codecOf<object, object>(method.resolvedRequestType as Type);
  const response = codecOf<object, object>(method.resolvedResponseType as Type);
  return {
    path: `/${adderName}/${name}`,
    originalName: protobuf.util.lcFirst(name),
    requestStream: requestStream === true,
    responseStream: responseStream === true,
    requestSerialize: request.serialize,
    requestDeserialize: request.deserialize,
    responseSerialize: response.serialize,
    responseDeserialize: response.deserialize,
  } satisfies MethodDefinition<object, object>;
}

const methods = root.lookupService(adderName).methodsArray;
const definition: ServiceDefinition = Object.fromEntries(
  methods.map((method) => [method.name, defineMethod(method)]),
);
/** The generated type asks for descriptors too, which neither servers nor clients look at. */
export const adderService = definition as unknown as AdderDefinition;

/** For clients, as grpc-js's `loadPackageDefinition` takes it. */
export const contract = { [adderName]: adderService };

/** The contract with descriptors, and with the names of fields as in its files: what reflection describes. */
export function loadContractAsWritten(): loader.PackageDefinition {
  const { loadSync } = createRequire(import.meta.url)('@grpc/proto-loader') as typeof loader;
  return loadSync(files, { ...conversion, includeDirs: [directory], keepCase: true });
}
