// Makes `import … from 'k6/…'` find the modules beside this file, gives scripts the globals that k6 gives them, and every
// virtual user a script of its own, since users share nothing.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, resolve } from 'node:path';

import type { Registry } from './registry.ts';
import type { Scenario } from './scenarios.ts';

/** What a script exports. */
export interface Script {
  readonly options: {
    readonly hosts?: Readonly<Record<string, string>>;
    readonly scenarios: Readonly<Record<string, Scenario>>;
    readonly thresholds?: Readonly<Record<string, readonly string[]>>;
    readonly summaryTrendStats?: readonly string[];
  };
  readonly setup?: () => unknown;
  readonly teardown?: (data: unknown) => unknown;
  readonly handleSummary: (data: object) => Readonly<Record<string, string>>;
  readonly default: (data: unknown) => unknown;
  /** Functions that scenarios name. */
  readonly [name: string]: unknown;
}

interface Run {
  readonly env: Readonly<Record<string, string>>;
  /** The script's path. */
  readonly script: string;
  readonly registry: Registry;
}

let current: Run | undefined;

/** The run of this process. */
export function currentRun(): Run {
  if (current === undefined) throw new Error('no script is run');
  return current;
}

const modules: Readonly<Record<string, string>> = {
  'k6/execution': './execution.ts',
  'k6/http': './http.ts',
  'k6/metrics': './metrics.ts',
  'k6/net/grpc': './grpc.ts',
  'k6/timers': './timers.ts',
};

export function hookModules(run: Run): void {
  current = run;
  const open = (path: string) => readFileSync(resolve(dirname(run.script), path), 'utf8');
  Object.assign(globalThis, { __ENV: run.env, open });
  registerHooks({
    resolve(specifier, context, next) {
      const own = modules[specifier];
      if (own !== undefined) return next(new URL(own, import.meta.url).href, context);
      const result = next(specifier, context);
      const query = context.parentURL?.split('?user=')[1];
      // What a user's script imports is that user's alone.
      return query === undefined ? result : { ...result, url: `${result.url}?user=${query}` };
    },
  });
}
