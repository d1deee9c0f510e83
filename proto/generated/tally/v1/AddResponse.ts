// Original file: proto/adder.proto

export interface AddResponse {
  requestId?: string;
  sum?: string;
  replayed?: boolean;
}

export interface AddResponse__Output {
  requestId: string;
  sum: string;
  replayed: boolean;
}
