// Stands between the log and accumulate and counts what accumulate answered and how often its answer was lost, so that
// a test can account for every delivery.

import { createServer } from 'node:http';

import { Pool } from 'undici';

import { closeServer, listen } from '../lib/http.ts';
import { closeAfterTest } from './test-log.ts';

export class CountingProxy {
  /** Answers by `tally-outcome`. */
  applied = 0;
  duplicate = 0;
  /** Deliveries that had no answer: accumulate was gone, before or after it had counted the event. */
  lost = 0;
  /** Every other answer, by status. */
  readonly other = new Map<number, number>();
  url = '';

  /** Forwards to whatever `target` says at the time. */
  async start(target: () => string): Promise<this> {
    const pools = new Map<string, Pool>();
    const server = createServer((request, response) => {
      const origin = target();
      const pool = pools.get(origin) ?? new Pool(origin, { connections: 100 });
      pools.set(origin, pool);
      const headers = { ...request.headers, connection: undefined };
      pool.request({ method: 'POST', path: '/', headers, body: request }).then(
        async ({ statusCode, headers: answered, body }) => {
          const text = await body.text();
          this.#count(statusCode, answered['tally-outcome']);
          response.writeHead(statusCode).end(text);
        },
        () => {
          this.lost++;
          response.destroy();
        },
      );
    });
    this.url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
    closeAfterTest(async () => {
      server.closeAllConnections();
      await closeServer(server);
      for (const pool of pools.values()) await pool.destroy();
    });
    return this;
  }

  #count(status: number, outcome: unknown): void {
    if (status === 204 && outcome === 'applied') this.applied++;
    else if (status === 204 && outcome === 'duplicate') this.duplicate++;
    else this.other.set(status, (this.other.get(status) ?? 0) + 1);
  }
}
