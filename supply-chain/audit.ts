// `npm audit`, and what came of it. A registry need not answer audits: then nothing is known, which is said.

import { execFile } from 'node:child_process';

export type Audit =
  | { readonly kind: 'clean' }
  | { readonly kind: 'vulnerable'; readonly faults: readonly string[] }
  | { readonly kind: 'skipped'; readonly reason: string };

interface Report {
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string }>>;
  /** Where the audit itself failed. */
  readonly message?: string;
}

/** @param options more of npm's, such as a registry */
export async function audit(root: string, ...options: readonly string[]): Promise<Audit> {
  const output = await new Promise<string>((resolve) => {
    // Its code says no more than its report does.
    execFile('npm', ['audit', '--json', ...options], { cwd: root, maxBuffer: 2 ** 26 }, (_error, stdout) => {
      resolve(stdout);
    });
  });
  let report: Report;
  try {
    report = JSON.parse(output) as Report;
  } catch {
    return { kind: 'skipped', reason: 'npm audit gave no report' };
  }
  if (report.vulnerabilities === undefined) {
    return { kind: 'skipped', reason: `registry answers no audits: ${report.message ?? 'no reason given'}` };
  }
  const faults = Object.entries(report.vulnerabilities).map(
    ([name, { severity }]) => `${name} has a known vulnerability: ${severity}`,
  );
  return faults.length === 0 ? { kind: 'clean' } : { kind: 'vulnerable', faults };
}
