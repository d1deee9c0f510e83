// `POST /`: events come in, and are acknowledged once they are on disk (I1). What can't be worked on just now is
// refused with 503, never queued without bound.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { AppError, toAppError } from '../../lib/errors.ts';
import { readBody } from '../../lib/http.ts';
import { parseRequest } from './cloud-event.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Metrics } from './metrics.ts';

export interface IngestLimits {
  readonly maxBodyBytes: number;
  readonly maxInFlightBytes: number;
  readonly maxBatchEvents: number;
}

/** Answers one POST; throws AppError for what is refused. */
export type Ingest = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** An event's cost beside its body. */
const requestOverheadBytes = 2_048;

export function createIngest(ledger: Ledger, metrics: Metrics, limits: IngestLimits): Ingest {
  let inFlightBytes = 0;
  return async (request, response) => {
    let heldBytes = 0;
    // What has come counts, not what is announced: a client that says much and sends nothing holds nothing.
    const hold = (bytes: number): void => {
      const others = inFlightBytes - heldBytes;
      // One alone is always taken, so that a body of the permitted size is never refused for good.
      if (others > 0 && inFlightBytes + bytes > limits.maxInFlightBytes) {
        throw new AppError(
          'overloaded',
          `${inFlightBytes} bytes are being worked on, no more are taken just now`,
        );
      }
      inFlightBytes += bytes;
      heldBytes += bytes;
    };
    try {
      hold(requestOverheadBytes);
      const body = await readBody(request, limits.maxBodyBytes, hold);
      const outcomes = await ledger.apply(parseRequest(request.headers, body, limits.maxBatchEvents));
      for (const outcome of outcomes) metrics.countEvent(outcome);
      const outcome = outcomes.includes('applied') || outcomes.length === 0 ? 'applied' : 'duplicate';
      response.writeHead(204, { 'tally-outcome': outcome }).end();
    } catch (error) {
      const appError = toAppError(error);
      metrics.countRefusal(appError.code);
      throw appError;
    } finally {
      inFlightBytes -= heldBytes;
    }
  };
}
