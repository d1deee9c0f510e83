// The contract in proto/, read at run time; its types are generated from the same files with the same options
// (`npm run proto`).

import { fileURLToPath } from 'node:url';

import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';

import type { BadRequest, BadRequest__Output } from '../../proto/generated/google/rpc/BadRequest.ts';
import type { ErrorInfo, ErrorInfo__Output } from '../../proto/generated/google/rpc/ErrorInfo.ts';
import type { RetryInfo, RetryInfo__Output } from '../../proto/generated/google/rpc/RetryInfo.ts';
import type { Status, Status__Output } from '../../proto/generated/google/rpc/Status.ts';
import type { AdderDefinition } from '../../proto/generated/tally/v1/Adder.ts';

const files = ['adder.proto', 'google/rpc/error_details.proto'];
const options = {
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
};

/** The contract's definitions, as the generated types describe them. */
export const contract = loadSync(files, options);

/** The contract with the names of fields as in its files: what reflection describes. */
export function loadContractAsWritten(): PackageDefinition {
  return loadSync(files, { ...options, keepCase: true });
}

export const adderName = 'tally.v1.Adder';
export const adderService = contract[adderName] as unknown as AdderDefinition;

export const statusType = contract['google.rpc.Status'] as MessageTypeDefinition<Status, Status__Output>;
export const badRequestType = contract['google.rpc.BadRequest'] as MessageTypeDefinition<
  BadRequest,
  BadRequest__Output
>;
export const errorInfoType = contract['google.rpc.ErrorInfo'] as MessageTypeDefinition<
  ErrorInfo,
  ErrorInfo__Output
>;
export const retryInfoType = contract['google.rpc.RetryInfo'] as MessageTypeDefinition<
  RetryInfo,
  RetryInfo__Output
>;
