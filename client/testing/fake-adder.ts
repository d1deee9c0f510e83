// A small real gRPC server that takes additions as the add function does and can be told to misbehave.

import {
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
  type StatusObject,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

import { addDecimals, formatDecimal, parseDecimal } from '../../lib/decimal.ts';
import type { ProtoGrpcType } from '../../proto/generated/adder.ts';
import type { Status } from '../../proto/generated/google/rpc/Status.ts';
import type { AdderHandlers } from '../../proto/generated/tally/v1/Adder.ts';
import type { AddRequest__Output } from '../../proto/generated/tally/v1/AddRequest.ts';
import type { AddResponse } from '../../proto/generated/tally/v1/AddResponse.ts';
import type { AddResult } from '../../proto/generated/tally/v1/AddResult.ts';

const definition = loadSync(['adder.proto', 'google/rpc/error_details.proto'], {
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});
const { tally } = loadPackageDefinition(definition) as unknown as ProtoGrpcType;

/** google.rpc.Status, its code typed. */
export type Refusal = Status & { readonly code: status; readonly message: string };

/** `lose` records the addition and then drops the connection instead of answering; `ignore` never answers. */
export type Behaviour = 'answer' | 'ignore' | 'lose' | Refusal;

/** @param attempt how often this id has come, 1 for the first time */
export type Behave = (request: AddRequest__Output, attempt: number) => Behaviour;

/** A refusal with details given as JSON objects by their type's name. */
export function statusOf(code: status, message: string, details: Record<string, object> = {}): Refusal {
  return {
    code,
    message,
    details: Object.entries(details).map(([name, value]) => ({
      type_url: `type.googleapis.com/google.rpc.${name}`,
      value: serialize(name, value),
    })),
  };
}

function serialize(name: string, value: object): Buffer {
  return (definition[`google.rpc.${name}`] as { serialize: (value: object) => Buffer }).serialize(value);
}

export class FakeAdder {
  behave: Behave = () => 'answer';
  /** Every request that came, repeats included. */
  readonly received: AddRequest__Output[] = [];
  /** What would be in the log: one for each id. */
  readonly recorded = new Map<string, AddRequest__Output>();
  port = 0;
  #attempts = new Map<string, number>();
  #server = new Server();

  /** Starts, or starts again on the same port with everything recorded before. */
  async start(): Promise<this> {
    this.#server = new Server();
    const handlers: AdderHandlers = {
      Add: (call, callback) => {
        const { behaviour, replayed } = this.#receive(call.request);
        if (behaviour === 'answer') callback(null, answer(call.request, replayed));
        else if (typeof behaviour === 'object') callback(toStatusObject(behaviour));
      },
      AddAll: (call: ServerDuplexStream<AddRequest__Output, AddResult>) => {
        this.#serveStream(call);
      },
    };
    this.#server.addService(tally.v1.Adder.service, handlers);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync(`127.0.0.1:${this.port}`, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
    this.port = await promise;
    return this;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends at once, dropping every connection. */
  stop(): void {
    this.#server.forceShutdown();
  }

  /** The exact sum of all that is recorded. */
  get sum(): string {
    let sum = parseDecimal('0');
    for (const { a, b } of this.recorded.values()) {
      sum = addDecimals(addDecimals(sum, parseDecimal(a)), parseDecimal(b));
    }
    return formatDecimal(sum);
  }

  #serveStream(call: ServerDuplexStream<AddRequest__Output, AddResult>): void {
    let index = 0;
    let waiting: AddResult[] = [];
    let ended = false;
    let ignored = 0;
    // Answers of one turn go out in reverse, as answers may come in any order.
    const flush = () => {
      for (const result of waiting.reverse()) call.write(result);
      waiting = [];
      if (ended && ignored === 0) call.end();
    };
    call.on('data', (request: AddRequest__Output) => {
      const { requestId } = request;
      const { behaviour, replayed } = this.#receive(request);
      const result = { index: index++, requestId };
      if (behaviour === 'answer') waiting.push({ ...result, response: answer(request, replayed) });
      else if (typeof behaviour === 'object') waiting.push({ ...result, error: behaviour });
      else ignored++;
      setImmediate(flush);
    });
    call.on('end', () => {
      ended = true;
      setImmediate(flush);
    });
    call.on('error', () => undefined);
  }

  #receive(request: AddRequest__Output): { behaviour: Behaviour; replayed: boolean } {
    const { requestId, a, b } = request;
    this.received.push(request);
    const attempt = (this.#attempts.get(requestId) ?? 0) + 1;
    this.#attempts.set(requestId, attempt);
    const behaviour = this.behave(request, attempt);
    const known = this.recorded.get(requestId);
    if (known !== undefined && (known.a !== a || known.b !== b)) {
      const conflict = statusOf(status.ALREADY_EXISTS, `${requestId} is known with other operands`);
      return { behaviour: conflict, replayed: false };
    }
    if (behaviour === 'answer' || behaviour === 'lose') this.recorded.set(requestId, request);
    if (behaviour === 'lose') this.stop();
    return { behaviour, replayed: known !== undefined };
  }
}

function answer({ requestId, a, b }: AddRequest__Output, replayed: boolean): AddResponse {
  return { requestId, sum: formatDecimal(addDecimals(parseDecimal(a), parseDecimal(b))), replayed };
}

function toStatusObject(refusal: Refusal): StatusObject {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', serialize('Status', refusal));
  return { code: refusal.code, details: refusal.message, metadata };
}
