// Any environment is a configuration, or is refused with the names of the variables that are wrong.

import { readConfig as readAccumulateConfig } from '../../../functions/accumulate/config.ts';
import { readConfig as readAddConfig } from '../../../functions/add/config.ts';
import { ConfigError, EnvReader } from '../../../lib/env.ts';
import { readDelivery } from '../../../local/log/config.ts';
import { check } from '../property.ts';

/** Lines of `NAME=value`; what names files is left out. */
export function fuzz(data: Buffer): void {
  const lines = data.toString('latin1').split('\n');
  const pairs = lines.map((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, Math.max(0, at)), line.slice(at + 1)];
  });
  const env = Object.fromEntries(pairs.filter(([name]) => /^[A-Z_]+$/.test(name) && !/FILE|DIR/.test(name)));
  read(env, () => {
    const config = readAccumulateConfig({ ...env, DATA_DIR: '/nowhere' });
    check(config.maxInFlightBytes >= config.maxBodyBytes, 'a body fits');
    checkNumbers(config);
  });
  read(env, () => {
    const config = readAddConfig(env);
    checkNumbers(config);
    check(config.sinkUrl === undefined || /^https?:$/.test(config.sinkUrl.protocol), 'a sink speaks HTTP');
  });
  read(env, () => {
    const reader = new EnvReader(env);
    const { delivery, ...rest } = readDelivery(reader);
    reader.done();
    checkNumbers(rest);
    checkNumbers(delivery);
  });
}

function read(env: Readonly<Record<string, string>>, readConfig: () => void): void {
  try {
    readConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.message.split('\n  ').slice(1)) {
      check(/^[A-Z_]+ /.test(problem), `a problem begins with its variable: ${problem}`);
    }
    check(Object.keys(env).length > 0, 'nothing is wrong where nothing is set');
  }
}

function checkNumbers(config: object): void {
  for (const [name, value] of Object.entries(config) as [string, unknown][]) {
    check(typeof value !== 'number' || Number.isSafeInteger(value), `${name} is a whole number`);
  }
}
