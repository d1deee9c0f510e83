// What `npm start` tells the person who ran it: where everything is, and what to try next.

import { randomUUID } from 'node:crypto';
import { relative } from 'node:path';

import type { LocalConfig } from './config.ts';
import type { System } from './system.ts';

export function formatBanner(
  { add, accumulate, log }: System,
  { hosts, dataDir, kafka }: LocalConfig,
): string {
  const line = (name: keyof typeof hosts, port: number, pid: number | undefined, what: string) =>
    `  ${name.padEnd(12)}${`${hosts[name]}:${port}`.padEnd(22)}pid ${String(pid).padEnd(9)}${what}`;
  // What bin/tally has to be told: all of its commands, so that none looks at another system on this machine.
  const told = [
    ...(add.port === 8080 ? [] : [`ADD_PORT=${add.port}`]),
    ...(accumulate.port === 8081 ? [] : [`ACCUMULATE_PORT=${accumulate.port}`]),
    ...(log.port === 8082 ? [] : [`LOG_PORT=${log.port}`]),
    ...(relative('data', dataDir) === '' ? [] : [`DATA_DIR=${dataDir}`]),
  ];
  const request = JSON.stringify({ requestId: randomUUID(), a: '2', b: '0.1' });
  return [
    '',
    'Tally is up.',
    '',
    line('add', add.port, add.pid, 'gRPC'),
    line(
      'accumulate',
      accumulate.port,
      accumulate.pid,
      `http://${hosts.accumulate}:${accumulate.port}/totals`,
    ),
    line(
      'log',
      log.port,
      log.pid,
      `http://${hosts.log}:${log.port}/status${kafka === undefined ? ', /records, /dead-letters' : ''}`,
    ),
    ...(kafka === undefined ? [] : [`  ${'kafka'.padEnd(12)}${kafka.brokers.join(', ')}`]),
    `  ${'data'.padEnd(12)}${dataDir}`,
    '',
    'Try:',
    `  ${[...told, 'bin/tally'].join(' ')} add 2 0.1 --wait`,
    `  grpcurl -plaintext -d '${request}' ${hosts.add}:${add.port} tally.v1.Adder/Add`,
    `  curl http://${hosts.accumulate}:${accumulate.port}/total`,
    '',
    'kill -9 any of the pids: it is started again and the total stays exact. Ctrl-C ends everything.',
    '',
    '',
  ].join('\n');
}
