// The HTTP/1.1 side of the port: probes and metrics.

import type { Server } from 'node:http';

import { AppError, toAppError } from '../../lib/errors.ts';
import { createServer, sendProblem, sendText } from '../../lib/http.ts';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

/** A server for connections that the port hands over; it never listens itself. */
export function createHttp(readiness: Readiness, { registry }: Metrics): Server {
  return createServer({ maxHeaderSize: 8 * 1024 }, (request, response) => {
    // One request a connection: the port ends the connection after a few seconds anyway.
    response.setHeader('connection', 'close');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendProblem(response, new AppError('method-not-allowed', 'only GET and HEAD are answered here'));
      return;
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/health/liveness':
        sendText(response, 200, 'text/plain', 'alive');
        break;
      case '/health/readiness':
        sendText(
          response,
          readiness.refusal === undefined ? 200 : 503,
          'text/plain',
          readiness.refusal ?? 'ready',
        );
        break;
      case '/metrics':
        registry.metrics().then(
          (text) => {
            sendText(response, 200, registry.contentType, text);
          },
          (error: unknown) => {
            sendProblem(response, toAppError(error));
          },
        );
        break;
      case undefined:
      default:
        sendProblem(
          response,
          new AppError('no-such-path', 'there are /health/liveness, /health/readiness and /metrics'),
        );
    }
  });
}
