// What many runs came to, added up.

import type { Violation } from './world.ts';

/** One run, as a child process tells it. */
export interface Summary {
  readonly seed: number;
  readonly hash: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly faults: readonly (readonly [what: string, count: number])[];
  readonly violations: readonly Violation[];
}

export class Report {
  seeds = 0;
  readonly failed: Summary[] = [];
  readonly #beganAt = performance.now();
  readonly #faults = new Map<string, number>();
  #steps = 0;
  #simulatedMs = 0;
  #events = 0;

  add(summary: Summary): void {
    this.seeds++;
    this.#steps += summary.steps;
    this.#simulatedMs += summary.simulatedMs;
    this.#events += summary.events;
    for (const [what, count] of summary.faults) this.#faults.set(what, (this.#faults.get(what) ?? 0) + count);
    if (summary.violations.length > 0) this.failed.push(summary);
  }

  /** One line, for who watches. */
  progress(of: number): string {
    const done = `${count(this.seeds)} of ${count(of)} seeds`;
    return `${done}, ${count(this.#perMinute())} a minute, ${this.failed.length} with a violation`;
  }

  format(): string {
    const lines: [string, string][] = [
      ['seeds', count(this.seeds)],
      ['seeds a minute', count(this.#perMinute())],
      ['steps', count(this.#steps)],
      ['simulated hours', count(Math.round(this.#simulatedMs / 3_600_000))],
      ['events counted', count(this.#events)],
      ...[...this.#faults]
        .sort(([, x], [, y]) => y - x)
        .map(([what, times]): [string, string] => [what, count(times)]),
      ['seeds with a violation', count(this.failed.length)],
    ];
    return lines.map(([what, value]) => `${value.padStart(14)}  ${what}`).join('\n');
  }

  #perMinute(): number {
    return Math.round((this.seeds / (performance.now() - this.#beganAt)) * 60_000);
  }
}

/** A run that failed: what was violated, and how to see it again. */
export function formatFailure({ seed, violations }: Summary, mutant?: string): string {
  const all = violations.map(({ invariant, message }) => `  ${invariant}: ${message}`);
  const again = `npm run simulate -- --seed ${seed} --trace${mutant === undefined ? '' : ` --mutant "${mutant}"`}`;
  return [`seed ${seed}:`, ...all, `  again: ${again}`].join('\n');
}

function count(value: number): string {
  return value.toLocaleString('en');
}
