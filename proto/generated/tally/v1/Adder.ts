// Original file: proto/adder.proto

import type * as grpc from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import type {
  AddRequest as _tally_v1_AddRequest,
  AddRequest__Output as _tally_v1_AddRequest__Output,
} from '../../tally/v1/AddRequest.ts';
import type {
  AddResponse as _tally_v1_AddResponse,
  AddResponse__Output as _tally_v1_AddResponse__Output,
} from '../../tally/v1/AddResponse.ts';
import type {
  AddResult as _tally_v1_AddResult,
  AddResult__Output as _tally_v1_AddResult__Output,
} from '../../tally/v1/AddResult.ts';

export interface AdderClient extends grpc.Client {
  Add(
    argument: _tally_v1_AddRequest,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;
  Add(
    argument: _tally_v1_AddRequest,
    metadata: grpc.Metadata,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;
  Add(
    argument: _tally_v1_AddRequest,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;
  Add(
    argument: _tally_v1_AddRequest,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;
  add(
    argument: _tally_v1_AddRequest,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;
  add(
    argument: _tally_v1_AddRequest,
    metadata: grpc.Metadata,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;
  add(
    argument: _tally_v1_AddRequest,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;
  add(
    argument: _tally_v1_AddRequest,
    callback: grpc.requestCallback<_tally_v1_AddResponse__Output>,
  ): grpc.ClientUnaryCall;

  AddAll(
    metadata: grpc.Metadata,
    options?: grpc.CallOptions,
  ): grpc.ClientDuplexStream<_tally_v1_AddRequest, _tally_v1_AddResult__Output>;
  AddAll(
    options?: grpc.CallOptions,
  ): grpc.ClientDuplexStream<_tally_v1_AddRequest, _tally_v1_AddResult__Output>;
  addAll(
    metadata: grpc.Metadata,
    options?: grpc.CallOptions,
  ): grpc.ClientDuplexStream<_tally_v1_AddRequest, _tally_v1_AddResult__Output>;
  addAll(
    options?: grpc.CallOptions,
  ): grpc.ClientDuplexStream<_tally_v1_AddRequest, _tally_v1_AddResult__Output>;
}

export interface AdderHandlers extends grpc.UntypedServiceImplementation {
  Add: grpc.handleUnaryCall<_tally_v1_AddRequest__Output, _tally_v1_AddResponse>;

  AddAll: grpc.handleBidiStreamingCall<_tally_v1_AddRequest__Output, _tally_v1_AddResult>;
}

export interface AdderDefinition extends grpc.ServiceDefinition {
  Add: MethodDefinition<
    _tally_v1_AddRequest,
    _tally_v1_AddResponse,
    _tally_v1_AddRequest__Output,
    _tally_v1_AddResponse__Output
  >;
  AddAll: MethodDefinition<
    _tally_v1_AddRequest,
    _tally_v1_AddResult,
    _tally_v1_AddRequest__Output,
    _tally_v1_AddResult__Output
  >;
}
