// `npm run monitoring`: a local Prometheus that scrapes what `npm start` runs.

import { runProcess } from '../lib/lifecycle.ts';
import { createLog } from '../lib/log.ts';
import { readConfig } from './config.ts';
import { Prometheus } from './prometheus.ts';

const log = await createLog('monitoring');
await runProcess(log, async () => {
  const config = readConfig(process.env);
  const prometheus = await Prometheus.start({ ...config, intervalSeconds: 5 });
  let isStopping = false;
  void prometheus.ended.then(() => {
    if (isStopping) return;
    log.fatal('prometheus ended: see its message above');
    process.exit(1);
  });
  log.info(`targets ${prometheus.url}/targets, alerts ${prometheus.url}/alerts, data ${config.directory}`);
  return {
    port: config.port,
    drain: async () => {
      isStopping = true;
      await prometheus.stop();
    },
  };
});
