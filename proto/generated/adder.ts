import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type {
  Any as _google_protobuf_Any,
  Any__Output as _google_protobuf_Any__Output,
} from './google/protobuf/Any.ts';
import type {
  Status as _google_rpc_Status,
  Status__Output as _google_rpc_Status__Output,
} from './google/rpc/Status.ts';
import type {
  AddRequest as _tally_v1_AddRequest,
  AddRequest__Output as _tally_v1_AddRequest__Output,
} from './tally/v1/AddRequest.ts';
import type {
  AddResponse as _tally_v1_AddResponse,
  AddResponse__Output as _tally_v1_AddResponse__Output,
} from './tally/v1/AddResponse.ts';
import type {
  AddResult as _tally_v1_AddResult,
  AddResult__Output as _tally_v1_AddResult__Output,
} from './tally/v1/AddResult.ts';
import type {
  AdderClient as _tally_v1_AdderClient,
  AdderDefinition as _tally_v1_AdderDefinition,
} from './tally/v1/Adder.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new (...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Any: MessageTypeDefinition<_google_protobuf_Any, _google_protobuf_Any__Output>;
    };
    rpc: {
      Status: MessageTypeDefinition<_google_rpc_Status, _google_rpc_Status__Output>;
    };
  };
  tally: {
    v1: {
      AddRequest: MessageTypeDefinition<_tally_v1_AddRequest, _tally_v1_AddRequest__Output>;
      AddResponse: MessageTypeDefinition<_tally_v1_AddResponse, _tally_v1_AddResponse__Output>;
      AddResult: MessageTypeDefinition<_tally_v1_AddResult, _tally_v1_AddResult__Output>;
      Adder: SubtypeConstructor<typeof grpc.Client, _tally_v1_AdderClient> & {
        service: _tally_v1_AdderDefinition;
      };
    };
  };
}
