// Writes what is generated: `node monitoring/generate.ts [--check] [path]…`, all of it where no path says which. With
// --check it writes nothing, and names what is not as it would be written, with exit code 1.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { format, resolveConfig } from 'prettier';

import { operatorsDashboard } from './dashboards/operators.ts';
import { totalsDashboard } from './dashboards/totals.ts';
import { metricsPage } from './metrics-page.ts';
import { prometheusRule } from './prometheus-rule.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const generated: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/metrics.md': metricsPage,
  'knative/components/monitoring/rules.yaml': prometheusRule,
  'monitoring/dashboards/operators.json': operatorsDashboard,
  'monitoring/dashboards/totals.json': totalsDashboard,
};

const paths = process.argv.slice(2).filter((argument) => argument !== '--check');
const stale: string[] = [];
for (const [path, make] of Object.entries(generated)) {
  if (paths.length > 0 && !paths.some((chosen) => path.startsWith(chosen))) continue;
  const file = join(root, path);
  const text = await format(await make(), { ...(await resolveConfig(file)), filepath: file });
  if (read(file) === text) continue;
  stale.push(path);
  if (!process.argv.includes('--check')) writeFileSync(file, text);
}
if (process.argv.includes('--check')) {
  for (const path of stale)
    process.stderr.write(`${path} is not what is generated: npm run monitoring:generate\n`);
  process.exitCode = stale.length > 0 ? 1 : 0;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
