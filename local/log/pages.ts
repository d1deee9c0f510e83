// The log's pages beside its sink: its state as JSON, probes, metrics, and whatever else the log has to show.

import type { ServerResponse } from 'node:http';

import { toAppError } from '../../lib/errors.ts';
import { sendJson, sendProblem } from '../../lib/http.ts';
import type { LogMetrics } from './metrics.ts';
import type { LogStatus } from './status.ts';

export interface PagesOptions {
  readonly status: () => LogStatus | Promise<LogStatus>;
  readonly metrics: LogMetrics;
  readonly isDraining: () => boolean;
  /** Answers a page that only this log has; false for a path that has none. */
  readonly more?: (path: string, query: string, response: ServerResponse) => boolean;
}

/** Answers the GETs; false for a path that has no page. */
export function createPages({ status, metrics, isDraining, more }: PagesOptions) {
  const sendStatus = async (response: ServerResponse): Promise<void> => {
    try {
      sendJson(response, await status());
    } catch (error) {
      sendProblem(response, toAppError(error));
    }
  };
  return (target: string, response: ServerResponse): boolean => {
    const [path = '/', query = ''] = target.split('?', 2);
    switch (path) {
      case '/':
      case '/status':
        void sendStatus(response);
        return true;
      case '/health/liveness':
        response.end('ok');
        return true;
      case '/health/readiness':
        if (isDraining()) response.writeHead(503).end('draining');
        else response.end('ok');
        return true;
      case '/metrics':
        void metrics.send(response);
        return true;
      default:
        return more?.(path, query, response) ?? false;
    }
  };
}
