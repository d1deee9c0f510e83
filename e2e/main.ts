// `npm run e2e`: installs Tally on a cluster, runs the steps, prints the table, and removes what it installed, also after
// Ctrl-C or a failure.

import { writeFileSync } from 'node:fs';

import type { Account } from '../test/exactness/scenario.ts';
import { openClusterLog } from './cluster-log.ts';
import { createClusterTarget } from './cluster-target.ts';
import { diagnose } from './diagnosis.ts';
import { createNamespace, hostOf, install, kindsOf, uninstall } from './installation.ts';
import { Kubectl } from './kubectl.ts';
import { type Options, readOptions, usage } from './options.ts';
import { Pods } from './pods.ts';
import { createProgress } from './progress.ts';
import { createSteps } from './steps.ts';
import { formatTable, type Row } from './table.ts';

const exitUsage = 64;
const exitInterrupted = 130;

if (process.argv.includes('--help')) {
  process.stdout.write(usage);
  process.exit(0);
}
let options: Options;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${usage}`);
  process.exit(exitUsage);
}

const say = createProgress();
const kubectl = new Kubectl(options.namespace);
process.once('exit', () => {
  kubectl.endAll();
});
const rows: Row[] = [];
const ending = Promise.withResolvers<never>();
// It may come while nobody waits for it yet.
ending.promise.catch(() => undefined);
let exitCode = 0;
let doing = 'installing';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (exitCode !== 0) {
      say(`${signal} again: ending at once; namespace ${options.namespace} may be left`);
      process.exit(exitInterrupted);
    }
    exitCode = exitInterrupted;
    ending.reject(new Error(signal));
  });
}
setTimeout(() => {
  ending.reject(new Error(`not at the end after ${options.minutes} minutes`));
}, options.minutes * 60_000).unref();

say(
  `namespace ${options.namespace}, overlay ${options.overlay}, image ${options.image}, seed ${options.seed}`,
);
try {
  await createNamespace(kubectl);
} catch (error) {
  say((error as Error).message);
  process.exit(1);
}
try {
  await Promise.race([run(), ending.promise]);
} catch (error) {
  exitCode ||= 1;
  say(`failed: ${doing}: ${(error as Error).message}`);
  if (exitCode === 1) process.stderr.write(await diagnose(kubectl, kindsOf(options.overlay)));
}
process.stdout.write(formatTable(rows));
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify({ ...options, exitCode, rows }, undefined, 2)}\n`);
}
if (options.keep) {
  say(`left in place: kubectl delete namespace ${options.namespace} removes it`);
} else {
  say(`removing namespace ${options.namespace}`);
  await uninstall(options, kubectl).catch((error: unknown) => {
    exitCode ||= 1;
    say((error as Error).message);
  });
}
process.exit(exitCode);

async function run(): Promise<void> {
  const begun = performance.now();
  await install(options, kubectl, say);
  const pods = new Pods(kubectl);
  const log = await openClusterLog(options.overlay, kubectl);
  const hasLogPod = options.overlay === 'no-kafka';
  const target = createClusterTarget({
    ...{ kubectl, pods, log, hasLogPod, gateway: options.gateway },
    addHost: await hostOf('add', options, kubectl),
    accumulateHost: await hostOf('accumulate', options, kubectl),
  });
  rows.push({ step: 'installed and ready', seconds: secondsSince(begun) });

  const accounts: Account[] = [];
  for (const step of createSteps(options, { target, pods, log, hasLogPod }, accounts)) {
    // The end has come from outside: what runs on here would disturb the removal.
    if (exitCode !== 0) return;
    doing = step.name;
    say(doing);
    pods.takeMost();
    const stepBegun = performance.now();
    try {
      const { account, note, seconds = secondsSince(stepBegun) } = await step.run();
      if (account !== undefined) accounts.push(account);
      rows.push({
        ...{ step: step.name, seconds, pods: pods.takeMost() },
        ...(account !== undefined && { account }),
        ...(note !== undefined && { note }),
      });
    } catch (error) {
      rows.push({ step: step.name, seconds: secondsSince(stepBegun), pods: pods.takeMost(), note: 'FAILED' });
      throw error;
    }
  }
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1_000;
}
