// What the tests of this function share: a sink that can be told to misbehave, and the whole function on a free port
// with a client. All of it is real: sockets, HTTP, gRPC.

import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type CallOptions,
  type ServiceError,
} from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import pino from 'pino';

import { listen } from '../../lib/http.ts';
import { createVerifier } from '../../lib/token-rules.ts';
import type { ProtoGrpcType } from '../../proto/generated/adder.ts';
import type { Any__Output } from '../../proto/generated/google/protobuf/Any.ts';
import type { Status__Output } from '../../proto/generated/google/rpc/Status.ts';
import type { AdderClient } from '../../proto/generated/tally/v1/Adder.ts';
import type { AddRequest } from '../../proto/generated/tally/v1/AddRequest.ts';
import type { AddResponse__Output } from '../../proto/generated/tally/v1/AddResponse.ts';
import type { AddResult__Output } from '../../proto/generated/tally/v1/AddResult.ts';
import { readConfig } from './config.ts';
import { badRequestType, contract, errorInfoType, retryInfoType, statusType } from './proto.ts';
import { createAddServer, type AddServer } from './server.ts';

/** An event as it arrived at the sink. */
export interface Received {
  readonly id: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Behaviour = (response: ServerResponse, event: Received) => void;

export const answer =
  (status: number, body = ''): Behaviour =>
  (response) => {
    response.writeHead(status).end(body);
  };
/** Says nothing, ever. */
export const hang: Behaviour = () => undefined;
/** The event is stored, the answer lost. */
export const reset: Behaviour = (response) => {
  response.socket?.resetAndDestroy();
};
/** Each behaviour once, in order; the last one for good. */
export function inTurn(...behaviours: Behaviour[]): Behaviour {
  let next = 0;
  return (response, event) => behaviours[Math.min(next++, behaviours.length - 1)]?.(response, event);
}

/** Holds every answer back until it is released; from then on all are 202. */
export class Gate {
  #isOpen = false;
  readonly #held: ServerResponse[] = [];

  readonly behave: Behaviour = (response) => {
    if (this.#isOpen) response.writeHead(202).end();
    else this.#held.push(response);
  };

  open(): void {
    this.#isOpen = true;
    for (const response of this.#held.splice(0)) response.writeHead(202).end();
  }
}

export class FakeSink {
  readonly events: Received[] = [];
  behave: Behaviour = answer(202);
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { headers, url = '' } = request;
      const body = Buffer.concat(chunks).toString();
      const event = { id: String(headers['ce-id']), url, headers, body };
      this.events.push(event);
      this.behave(response, event);
    });
  });
  url = '';

  async start(): Promise<this> {
    this.url = `http://127.0.0.1:${await listen(this.#server, 0)}/tally/sums`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Answers nothing until the gate is opened. */
  hold(): Gate {
    const gate = new Gate();
    this.behave = gate.behave;
    return gate;
  }

  get ids(): string[] {
    return this.events.map(({ id }) => id);
  }
}

export interface Running {
  readonly add: AddServer;
  readonly port: number;
  readonly client: AdderClient;
}

/** The whole tests' set of servers and clients, ended together. */
export class Harness {
  readonly #stops: (() => Promise<void> | void)[] = [];

  async sink(): Promise<FakeSink> {
    const sink = await new FakeSink().start();
    this.#stops.push(() => sink.stop());
    return sink;
  }

  async add(env: Record<string, string>): Promise<Running> {
    const config = readConfig(env);
    const log = pino({ level: 'silent' });
    const add = createAddServer(config, log, await createVerifier(config.tokens, log));
    const port = await listen(add.server, 0);
    const client = this.client(port);
    this.#stops.push(() => add.drain());
    return { add, port, client };
  }

  client(port: number): AdderClient {
    const { tally } = loadPackageDefinition(contract) as unknown as ProtoGrpcType;
    const client = new tally.v1.Adder(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    this.#stops.push(() => {
      client.close();
    });
    return client;
  }

  onStop(stop: () => Promise<void> | void): void {
    this.#stops.push(stop);
  }

  /** The last started ends first: clients before their server, servers before their sink. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }
}

export function request(fields: Partial<AddRequest> = {}): Required<AddRequest> {
  return { requestId: randomUUID(), a: '2', b: '3', total: '', ...fields };
}

/** A call that does not retry by itself. */
export function add(
  client: AdderClient,
  message: AddRequest,
  options: CallOptions = {},
  metadata = new Metadata(),
): Promise<AddResponse__Output> {
  return new Promise((resolve, reject) => {
    client.add(message, metadata, options, (error, response) => {
      if (error !== null) reject(error);
      else resolve(response as AddResponse__Output);
    });
  });
}

/** The error that a call must end with. */
export async function failure(call: Promise<unknown>): Promise<ServiceError> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome === undefined) throw new Error('the call succeeded');
  return outcome as ServiceError;
}

/** The google.rpc details of a status, decoded, by the name of their type. */
export function decodeDetails({ details }: Pick<Status__Output, 'details'>): Record<string, unknown> {
  const types = { BadRequest: badRequestType, ErrorInfo: errorInfoType, RetryInfo: retryInfoType };
  return Object.fromEntries(
    details.map(({ type_url, value }: Any__Output) => {
      const name = type_url.replace('type.googleapis.com/google.rpc.', '');
      return [name, types[name as keyof typeof types].deserialize(value)];
    }),
  );
}

export function detailsOf(error: ServiceError): Record<string, unknown> {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  return decodeDetails(statusType.deserialize(bytes as Buffer));
}

/** Sends all and gives the results in the order of the requests. */
export function addAll(client: AdderClient, messages: AddRequest[]): Promise<AddResult__Output[]> {
  return new Promise((resolve, reject) => {
    const results: AddResult__Output[] = [];
    const stream = client.addAll();
    stream.on('data', (result: AddResult__Output) => results.push(result));
    stream.on('error', reject);
    stream.on('end', () => {
      resolve(results.sort((x, y) => x.index - y.index));
    });
    for (const message of messages) stream.write(message);
    stream.end();
  });
}

/** Waits until the condition holds; the test's own time limit is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await wait(2);
}

export async function metric(port: number, line: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await response.text();
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1));
}
