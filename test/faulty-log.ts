// The embedded event log as a process that misbehaves, for whole-system tests alone: the same as FUNCTION=log, with
// faults from FAULTS, a JSON object of rates between 0 and 1:
//
//   hangUp         the sink closes the connection without storing
//   dropAnswer     the sink stores and closes the connection without an answer
//   storeTwice     the sink stores the record two times
//   duplicate      a record is delivered in two copies at one time
//   lateMs         the longest random pause before a delivery, which reorders them (milliseconds, no rate)
//
// SEED makes the choices repeatable.

import { setTimeout as wait } from 'node:timers/promises';

import { listen } from '../lib/http.ts';
import { runProcess } from '../lib/lifecycle.ts';
import { createLog } from '../lib/log.ts';
import { readConfig } from '../local/log/config.ts';
import { createEventLog } from '../local/log/event-log.ts';
import type { Faults } from '../local/log/faults.ts';
import { createRandom } from './random.ts';

export interface FaultRates {
  readonly hangUp?: number;
  readonly dropAnswer?: number;
  readonly storeTwice?: number;
  readonly duplicate?: number;
  readonly lateMs?: number;
}

export function randomFaults(rates: FaultRates, seed = 1): Faults {
  const random = createRandom(seed);
  return {
    sink: () => {
      if (random() < (rates.hangUp ?? 0)) return 'hang-up';
      if (random() < (rates.dropAnswer ?? 0)) return 'store-and-hang-up';
      return random() < (rates.storeTwice ?? 0) ? 'twice' : 'answer';
    },
    copies: () => (random() < (rates.duplicate ?? 0) ? 2 : 1),
    beforeDelivery: async () => {
      if (rates.lateMs !== undefined) await wait(random() * rates.lateMs);
    },
  };
}

if (import.meta.main) {
  const log = await createLog('log');
  await runProcess(log, async () => {
    const config = readConfig(process.env);
    const rates = JSON.parse(process.env['FAULTS'] ?? '{}') as FaultRates;
    const eventLog = createEventLog({
      config,
      log,
      fail: (error) => {
        throw error;
      },
      faults: randomFaults(rates, Number(process.env['SEED'] ?? 1)),
    });
    const port = await listen(eventLog.server, config.port, config.host);
    eventLog.start();
    log.info({ port }, 'listening');
    return { port, drain: () => eventLog.drain() };
  });
}
