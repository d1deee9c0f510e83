// Original file: proto/adder.proto

export interface AddRequest {
  requestId?: string;
  a?: string;
  b?: string;
  total?: string;
}

export interface AddRequest__Output {
  requestId: string;
  a: string;
  b: string;
  total: string;
}
