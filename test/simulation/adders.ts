// The add function in a simulated process: what its server puts together, behind a stand-in for gRPC's wire.

import { EventEmitter } from 'node:events';

import { type AddAllCall, createAddAll } from '../../functions/add/add-all.ts';
import { type AddCall, createAdd } from '../../functions/add/add.ts';
import { type Config, readConfig } from '../../functions/add/config.ts';
import { Adder } from '../../functions/add/handler.ts';
import { InFlight } from '../../functions/add/in-flight.ts';
import { Metrics } from '../../functions/add/metrics.ts';
import { Readiness } from '../../functions/add/readiness.ts';
import { Sink } from '../../functions/add/sink.ts';
import type { Log } from '../../lib/log.ts';
import type { AddRequest__Output } from '../../proto/generated/tally/v1/AddRequest.ts';
import type { AddResult } from '../../proto/generated/tally/v1/AddResult.ts';
import type { Endpoint, Incoming } from './network.ts';
import { world } from './world.ts';

/** One call: of `Add` with one request, of `AddAll` with any number. */
export interface AddCallData {
  readonly requests: readonly AddRequest__Output[];
  readonly isStream: boolean;
  readonly timeoutMs: number;
  /** By the world's clock. */
  readonly sentAt: number;
  /** Told of each result of a stream, in the server's process. */
  readonly onResult?: (result: AddResult) => void;
}

export interface AddAnswer {
  /** A gRPC status. */
  readonly code: number;
  readonly message: string;
  readonly sum?: string;
}

const deadConnectionMs = 60_000;

function createConfig(): Config {
  const { profile } = world();
  return {
    ...readConfig({ K_SINK: 'http://log/default/sums' }),
    sinkAttemptTimeoutMs: profile.sinkAttemptTimeoutMs,
    sinkConnections: profile.sinkConnections,
    addTimeoutMs: profile.addTimeoutMs,
    maxInFlight: profile.maxInFlight,
    streamWindow: profile.streamWindow,
    cacheEntries: profile.cacheEntries,
    cacheAgeMs: profile.cacheAgeMs,
  };
}

export class AddFunction implements Endpoint<AddCallData, AddAnswer> {
  readonly process = world().thread.process;
  readonly #readiness = new Readiness(undefined);
  readonly #inFlight: InFlight;
  readonly #sink: Sink;
  readonly #adder: Adder;
  readonly #add: ReturnType<typeof createAdd>;
  readonly #addAll: ReturnType<typeof createAddAll>;

  /** As createAddServer (functions/add/server.ts) does, without its port. */
  constructor(log: Log) {
    const config = createConfig();
    const { sinkUrl } = config;
    if (sinkUrl === undefined) throw new Error('no sink');
    const inFlight = (this.#inFlight = new InFlight(config.maxInFlight));
    const metrics = new Metrics(
      () => inFlight.count,
      () => true,
    );
    const sink = (this.#sink = new Sink({
      url: sinkUrl,
      connections: config.sinkConnections,
      attemptTimeoutMs: config.sinkAttemptTimeoutMs,
    }));
    const adder = (this.#adder = new Adder({
      sink,
      metrics,
      now: () => new Date(),
      extensions: config.extensions,
      maxTimeoutMs: config.addTimeoutMs,
      cacheEntries: config.cacheEntries,
      cacheAgeMs: config.cacheAgeMs,
    }));
    const services = {
      takeAdder: () => adder,
      readiness: this.#readiness,
      inFlight,
      metrics,
      streamWindow: config.streamWindow,
      log,
    };
    this.#add = createAdd(services);
    this.#addAll = createAddAll(services);
  }

  get isListening(): boolean {
    return this.process.isAlive && this.#readiness.refusal === undefined;
  }

  answersAtOnce(): boolean {
    return false;
  }

  accept(data: AddCallData, incoming: Incoming<AddAnswer>): void {
    // No connection outlives so long a silence; and a client that has long given up does not try again by that.
    if (world().now - data.sentAt > data.timeoutMs + deadConnectionMs) incoming.reset();
    else if (data.isStream) this.#acceptStream(data, incoming);
    else this.#acceptCall(data, incoming);
  }

  async drain(): Promise<void> {
    this.#readiness.refuse('stopping');
    const timeout = new Promise((resolve) => setTimeout(resolve, 2_000));
    await Promise.race([this.#inFlight.idle(), timeout]);
    this.#adder.abandon();
    await this.#sink.close();
  }

  #acceptCall({ requests, timeoutMs }: AddCallData, incoming: Incoming<AddAnswer>): void {
    const deadline = new Date(Date.now() + timeoutMs);
    const call = { request: requests[0], metadata, getDeadline: () => deadline };
    this.#add(call as unknown as AddCall, (error, answer) => {
      if (error !== null) incoming.answer({ code: error.code ?? 2, message: error.details ?? '' });
      else incoming.answer({ code: 0, message: '', sum: answer?.sum ?? '' });
    });
  }

  #acceptStream(data: AddCallData, incoming: Incoming<AddAnswer>): void {
    const stream = new Stream(data, incoming);
    this.#addAll(stream as unknown as AddAllCall);
    stream.begin();
  }
}

const metadata = { get: () => [] };

/** The server's side of a stream: its messages come one after the other, unless it is paused. */
class Stream extends EventEmitter {
  readonly metadata = metadata;
  readonly writableHighWaterMark = 16;
  readonly writableLength = 0;
  readonly #data: AddCallData;
  readonly #incoming: Incoming<AddAnswer>;
  readonly #deadline: Date;
  #next = 0;
  #isPaused = false;
  #isReading = false;
  #isOver = false;

  constructor(data: AddCallData, incoming: Incoming<AddAnswer>) {
    super();
    this.#data = data;
    this.#incoming = incoming;
    this.#deadline = new Date(Date.now() + data.timeoutMs);
    incoming.onGone = () => {
      if (this.#isOver) return;
      this.emit('cancelled');
      this.#close();
    };
    this.on('error', (error: { readonly code: number; readonly details: string }) => {
      incoming.answer({ code: error.code, message: error.details });
      this.#close();
    });
  }

  begin(): void {
    this.#readOn();
  }

  getDeadline(): Date {
    return this.#deadline;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#readOn();
  }

  write(result: AddResult): boolean {
    if (!this.#isOver) this.#data.onResult?.(result);
    return true;
  }

  end(): void {
    this.#incoming.answer({ code: 0, message: '' });
    this.#close();
  }

  #readOn(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    world().schedule(world().thread, world().dice.between(0, 0.5), () => {
      this.#isReading = false;
      if (this.#isOver || this.#isPaused) return;
      const request = this.#data.requests[this.#next++];
      if (request === undefined) {
        if (this.#next === this.#data.requests.length + 1) this.emit('end');
        return;
      }
      this.emit('data', request);
      this.#readOn();
    });
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.emit('close');
  }
}
