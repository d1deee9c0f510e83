// Runs one of k6's scripts where k6 is not installed: `node k6/stand-in/run.ts run k6/add.js -e RATE=50`. It offers just
// what the scripts use of k6 (its modules for gRPC, HTTP and metrics, three executors, thresholds), on one thread, over
// real connections. Exit codes are k6's: 0, 99 for a threshold, 107 for an error of the script.

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { hookModules, type Script } from './modules.ts';
import { Registry } from './registry.ts';
import { runScenario, VirtualUser } from './scenarios.ts';
import { checkThresholds, isThreshold } from './thresholds.ts';

const exit = { ok: 0, thresholds: 99, script: 107 };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { env: { type: 'string', short: 'e', multiple: true, default: [] } },
    allowPositionals: true,
  });
  const [command, file] = positionals;
  if (command !== 'run' || file === undefined || positionals.length > 2) {
    throw new Error('usage: node k6/stand-in/run.ts run SCRIPT [-e NAME=value …]');
  }
  const env = Object.fromEntries(
    values.env.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new Error(`-e takes NAME=value, was ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  const registry = new Registry();
  hookModules({ env, script: resolve(file), registry });
  const load = (user: number) =>
    import(`${pathToFileURL(resolve(file)).href}?user=${user}`) as Promise<Script>;
  return run(await load(0), load, registry);
}

async function run(
  script: Script,
  load: (user: number) => Promise<Script>,
  registry: Registry,
): Promise<number> {
  const { hosts = {}, scenarios, thresholds = {}, summaryTrendStats = ['avg', 'max'] } = script.options;
  for (const rule of Object.values(thresholds).flat()) {
    if (!isThreshold(rule)) throw new Error(`not a threshold: ${rule}`);
  }
  if (Object.keys(hosts).length > 0) throw new Error('GATEWAY needs k6 itself: names are looked up here');
  const startedMs = performance.now();
  const lead = new VirtualUser(0, script, registry);
  const setupData = await lead.call(() => script.setup?.());

  let users = 0;
  const makeUser = async () => {
    const id = ++users;
    return new VirtualUser(id, await load(id), registry);
  };
  await Promise.all(
    Object.values(scenarios).map((scenario) => runScenario(scenario, makeUser, setupData, registry)),
  );

  let code = exit.ok;
  try {
    await lead.call(() => script.teardown?.(setupData));
  } catch (error) {
    console.error(error);
    code = exit.script;
  }
  const results = checkThresholds(registry, thresholds, summaryTrendStats);
  const isMet = Object.values(results).every((rules) => Object.values(rules).every(({ ok }) => ok));
  const outputs = script.handleSummary({
    metrics: registry.summary(summaryTrendStats, results),
    state: { testRunDurationMs: performance.now() - startedMs },
    setup_data: setupData,
  });
  for (const [where, content] of Object.entries(outputs)) {
    if (where === 'stdout') process.stdout.write(content);
    else writeFileSync(where, content);
  }
  return code === exit.ok && !isMet ? exit.thresholds : code;
}

try {
  // A stream or a timer of an iteration that was given up may still be open.
  process.exit(await main());
} catch (error) {
  console.error(error);
  process.exit(exit.script);
}
