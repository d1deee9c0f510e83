// The gRPC connection to the add function. Loaded only by what needs it: grpc-js and the proto files take longer to
// load than a read of a total takes altogether.

import { fileURLToPath } from 'node:url';

import { credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import { messageOf } from '../lib/errors.ts';
import type { ProtoGrpcType } from '../proto/generated/adder.ts';
import type { ProtoGrpcType as DetailTypes } from '../proto/generated/error_details.ts';
import type { AdderClient } from '../proto/generated/tally/v1/Adder.ts';
import { explainNoConnection } from './no-connection.ts';
import { TallyError } from './tally-error.ts';

export interface ChannelOptions {
  /** `HOST:PORT` */
  readonly address: string;
  /** The `:authority` by which a gateway routes, when it is not the address's host. */
  readonly authority?: string | undefined;
  /** TLS instead of plain h2c. */
  readonly tls?: boolean | undefined;
  /** The bearer token of each call, asked for anew for each; undefined: none is sent. */
  readonly token?: (() => string) | undefined;
}

export interface Channel {
  readonly adder: AdderClient;
  /**
   * Waits up to `timeoutMs` for the connection, and for nothing longer. No addition is sent.
   * @returns the metadata of the next call when it is there; else `unavailable`, or `unauthenticated` when there is no
   * token to send
   */
  connect(timeoutMs: number): Promise<Metadata | TallyError>;
  close(): void;
}

const includeDir = fileURLToPath(new URL('../proto', import.meta.url));

const definition = loadSync(['adder.proto', 'google/rpc/error_details.proto'], {
  includeDirs: [includeDir],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

type Messages = ProtoGrpcType['google']['rpc'] & DetailTypes['google']['rpc'];

function message<Name extends keyof Messages>(name: Name): Messages[Name] {
  return definition[`google.rpc.${name}`] as unknown as Messages[Name];
}

/** The messages of the standard error model, to be read from bytes. */
export const messages = {
  Status: message('Status'),
  BadRequest: message('BadRequest'),
  ErrorInfo: message('ErrorInfo'),
  RetryInfo: message('RetryInfo'),
};

const { tally } = loadPackageDefinition(definition) as unknown as ProtoGrpcType;

/** Connects when first used. */
export function openChannel({ address, authority, tls = false, token }: ChannelOptions): Channel {
  const adder = new tally.v1.Adder(address, tls ? credentials.createSsl() : credentials.createInsecure(), {
    // Retries are made here, where their outcome is kept track of.
    'grpc.enable_retries': 0,
    // A restarted server is found again within moments; the default waits up to two minutes.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    // A peer that vanished without a word is noticed while a call waits for it.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 5_000,
    ...(authority !== undefined && { 'grpc.default_authority': authority }),
  });
  return {
    adder,
    async connect(timeoutMs) {
      const { promise, resolve } = Promise.withResolvers<Error | undefined>();
      adder.waitForReady(Date.now() + timeoutMs, resolve);
      if ((await promise) !== undefined) {
        return new TallyError('unavailable', await explainNoConnection(adder, address));
      }
      const metadata = new Metadata();
      try {
        if (token !== undefined) metadata.set('authorization', `Bearer ${token()}`);
      } catch (error) {
        return new TallyError('unauthenticated', messageOf(error), { cause: error });
      }
      return metadata;
    },
    close: () => {
      adder.close();
    },
  };
}
