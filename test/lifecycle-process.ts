// A process for the tests of lib/lifecycle.ts: starts, drains and fails as BEHAVIOUR says.

import { EnvReader } from '../lib/env.ts';
import { type Running, runProcess } from '../lib/lifecycle.ts';
import { createLog } from '../lib/log.ts';

const behaviour = process.env['BEHAVIOUR'] ?? '';
const log = await createLog('test');

function drain(): Promise<void> {
  switch (behaviour) {
    case 'drain-fails':
      return Promise.reject(new Error('disk gone'));
    case 'drain-hangs':
      return new Promise(() => undefined);
    default:
      log.info('in flight finished');
      return Promise.resolve();
  }
}

function start(): Promise<Running> {
  switch (behaviour) {
    case 'start-fails':
      return Promise.reject(new Error('volume gone'));
    case 'wrong-configuration': {
      const read = new EnvReader(process.env);
      read.port('PORT', 8080);
      read.url('K_SINK');
      read.done();
      break;
    }
    case 'throws-later':
      setImmediate(() => {
        throw new Error('a bug');
      });
      break;
    case 'rejects-later':
      setImmediate(() => void Promise.reject(new Error('a forgotten promise')));
      break;
  }
  // Stands for a listening server, which keeps a process alive.
  setInterval(() => undefined, 60_000);
  return Promise.resolve({ port: 4711, drain });
}

await runProcess(log, start, Number(process.env['DRAIN_MS'] ?? 25_000));
log.info('running');
