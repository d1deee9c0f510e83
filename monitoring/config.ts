// What `npm run monitoring` can be told: the variables of `npm start`, and its own port.

import { resolve } from 'node:path';

import { EnvReader } from '../lib/env.ts';
import type { PartName } from './parts.ts';

export interface MonitoringConfig {
  /** Of Prometheus itself. */
  readonly port: number;
  /** Where the parts are. */
  readonly host: string;
  readonly ports: Readonly<Record<PartName, number>>;
  /** For Prometheus's data, beside the system's own. */
  readonly directory: string;
}

/** @throws ConfigError naming every problem */
export function readConfig(env: NodeJS.ProcessEnv): MonitoringConfig {
  const reader = new EnvReader(env);
  // Not 0, by which npm start takes any free one: nobody here knows which.
  const port = (name: string, fallback: number): number =>
    reader.integer(name, fallback, { min: 1, max: 65_535 });
  const host = reader.text('HOST') ?? '127.0.0.1';
  const config = {
    port: port('PROMETHEUS_PORT', 9090),
    host: host === '0.0.0.0' ? '127.0.0.1' : host,
    ports: {
      add: port('ADD_PORT', 8080),
      accumulate: port('ACCUMULATE_PORT', 8081),
      log: port('LOG_PORT', 8082),
    },
    directory: resolve(reader.text('DATA_DIR') ?? 'data', 'prometheus'),
  };
  reader.done();
  return config;
}
