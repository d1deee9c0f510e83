// Rules such as `p(99)<250`. As in k6, a metric that has no value at the end counts as 0 of it.

import type { Registry, ThresholdResults } from './registry.ts';

const pattern =
  /^\s*(count|rate|value|avg|min|med|max|p\(\d+(?:\.\d+)?\))\s*(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/;

export const isThreshold = (rule: string): boolean => pattern.test(rule);

export function checkThresholds(
  registry: Registry,
  thresholds: Readonly<Record<string, readonly string[]>>,
  trendStats: readonly string[],
): ThresholdResults {
  return Object.fromEntries(
    Object.entries(thresholds).map(([name, rules]) => {
      const results = rules.map((rule) => {
        const [, statistic = '', operator = '', bound] = pattern.exec(rule) ?? [];
        const value = registry.values(name, [...trendStats, statistic])?.[statistic] ?? 0;
        return [rule, { ok: compare(value, operator, Number(bound)) }] as const;
      });
      return [name, Object.fromEntries(results)];
    }),
  );
}

function compare(value: number, operator: string, bound: number): boolean {
  switch (operator) {
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '>':
      return value > bound;
    case '>=':
      return value >= bound;
    case '==':
      return value === bound;
    default:
      return value !== bound;
  }
}
