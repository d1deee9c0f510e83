// Original file: proto/adder.proto

import type {
  AddResponse as _tally_v1_AddResponse,
  AddResponse__Output as _tally_v1_AddResponse__Output,
} from '../../tally/v1/AddResponse.ts';
import type {
  Status as _google_rpc_Status,
  Status__Output as _google_rpc_Status__Output,
} from '../../google/rpc/Status.ts';
import type { Long } from '@grpc/proto-loader';

export interface AddResult {
  index?: number | string | Long;
  requestId?: string;
  response?: _tally_v1_AddResponse | null;
  error?: _google_rpc_Status | null;
  result?: 'response' | 'error';
}

export interface AddResult__Output {
  index: number;
  requestId: string;
  response?: _tally_v1_AddResponse__Output | null;
  error?: _google_rpc_Status__Output | null;
  result?: 'response' | 'error';
}
