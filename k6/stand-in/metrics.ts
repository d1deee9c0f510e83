// `k6/metrics`.

import { currentRun } from './modules.ts';
import type { MetricType } from './registry.ts';

function metricClass(type: MetricType) {
  return class {
    readonly name: string;

    constructor(name: string, isTime = false) {
      this.name = name;
      currentRun().registry.define(type, name, isTime);
    }

    add(value: number | boolean): void {
      if (Number.isNaN(Number(value))) throw new Error(`${this.name}: not a number`);
      currentRun().registry.add(type, this.name, value);
    }
  };
}

export const Counter = metricClass('counter');
export const Gauge = metricClass('gauge');
export const Rate = metricClass('rate');
export const Trend = metricClass('trend');
