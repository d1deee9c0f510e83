// The bound of the add function: a grpc-js server that reads and checks nothing. With a sink it posts for each call an
// event with the headers that the contract demands and answers when the sink has: no validation, no decimals, no cache,
// no deadlines, no retries, no metrics.

import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js';
import { Pool } from 'undici';

import { adderService } from '../functions/add/proto.ts';
import type { AddRequest__Output } from '../proto/generated/tally/v1/AddRequest.ts';
import type { AddResponse } from '../proto/generated/tally/v1/AddResponse.ts';
import { endWithParent } from './load.ts';

const [sink] = process.argv.slice(2);
const pool = sink === undefined ? undefined : new Pool(sink, { connections: 64 });

const headers = {
  'content-type': 'application/json',
  'ce-specversion': '1.0',
  'ce-source': '/functions/add',
  'ce-type': 'dev.tally.sum.v1',
  'ce-subject': 'default',
  'ce-time': new Date().toISOString(),
  'ce-dataschema': 'urn:tally:schema:sum.v1',
};

function add(
  { request: { requestId } }: ServerUnaryCall<AddRequest__Output, AddResponse>,
  callback: sendUnaryData<AddResponse>,
): void {
  const answer = (): void => {
    callback(null, { requestId, sum: '1.75', replayed: false });
  };
  if (pool === undefined) {
    answer();
    return;
  }
  pool.dispatch(
    {
      method: 'POST',
      path: '/',
      headers: { ...headers, 'ce-id': requestId, 'ce-partitionkey': requestId },
      body: '{"a":"2.5","b":"-0.75","sum":"1.75"}',
    },
    {
      onRequestStart: () => undefined,
      onResponseStart: answer,
      onResponseError: (_controller, error) => {
        callback(error);
      },
    },
  );
}

const server = new Server({ 'grpc.enable_channelz': 0 });
server.addService(adderService, { Add: add });
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  endWithParent();
  process.send?.({ listening: port });
});
