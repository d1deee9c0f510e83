// `POST /`: events come in, and are acknowledged once they are on disk (I1). What can't be worked on just now is
// refused with 503, never queued without bound. Where senders have to say who they are, nothing of a request is read
// before that is known.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { AppError, toAppError } from '../../lib/errors.ts';
import { readBody } from '../../lib/http.ts';
import type { TokenVerifier } from '../../lib/tokens.ts';
import { parseTraceparent } from '../../lib/traceparent.ts';
import { during, type Tracer } from '../../lib/tracing.ts';
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

/**
 * @param verifier decides who may post; without it everybody may
 * @param tracer where traces are wanted: they go on with the trace context that an event carries as its attribute, since
 * the header's is replaced on the way and leaks from one record to the next
 */
export function createIngest(
  ledger: Ledger,
  metrics: Metrics,
  limits: IngestLimits,
  verifier?: TokenVerifier,
  tracer?: Tracer,
): Ingest {
  let inFlightBytes = 0;
  return async (request, response) => {
    const parent = tracer && parseTraceparent(request.headers['ce-traceparent']);
    const span = tracer?.start('process', 'consumer', parent);
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
      // Not `headers`, where Node keeps the first of two and says nothing.
      if (verifier !== undefined) await verifier.check(request.headersDistinct['authorization'] ?? []);
      hold(requestOverheadBytes);
      const body = await readBody(request, limits.maxBodyBytes, hold);
      const entries = parseRequest(request.headers, body, limits.maxBatchEvents);
      const commit = tracer?.start('commit', 'internal', span?.traceparent);
      const outcomes = await during(commit, ledger.apply(entries));
      metrics.countEvents(entries, outcomes);
      const outcome = outcomes.includes('applied') || outcomes.length === 0 ? 'applied' : 'duplicate';
      response.writeHead(204, { 'tally-outcome': outcome }).end();
      span?.end();
    } catch (error) {
      const appError = toAppError(error);
      metrics.countRefusal(appError);
      span?.end(appError);
      throw appError;
    } finally {
      inFlightBytes -= heldBytes;
    }
  };
}
