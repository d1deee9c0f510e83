// What the gRPC methods work with, put together once by the server.

import type { Log } from '../../lib/log.ts';
import type { TokenVerifier } from '../../lib/tokens.ts';
import type { Adder } from './handler.ts';
import type { InFlight } from './in-flight.ts';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

export interface Services {
  /** Decides who may call; without it everybody may. */
  readonly verifier?: TokenVerifier | undefined;
  /** @throws AppError `unavailable` when no work is taken */
  readonly takeAdder: () => Adder;
  readonly readiness: Readiness;
  readonly inFlight: InFlight;
  readonly metrics: Metrics;
  readonly streamWindow: number;
  readonly log: Log;
}
