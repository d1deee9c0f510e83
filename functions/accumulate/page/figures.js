// The figures of the whole ledger.

import { find } from './dom.js';

/** @typedef {import('./live.js').LedgerState} LedgerState */

const spanMs = 10_000;

export class Figures {
  /** @type {{ at: number, events: number }[]} */
  #samples = [];

  /** @param {LedgerState} state */
  update({ events, duplicates, lagSeconds }) {
    const at = performance.now();
    this.#samples.push({ at, events });
    while ((this.#samples[1]?.at ?? at) < at - spanMs) this.#samples.shift();
    const [first] = this.#samples;
    const seconds = first === undefined ? 0 : (at - first.at) / 1_000;
    const rate = first === undefined || seconds < 0.5 ? undefined : (events - first.events) / seconds;
    find('events', HTMLElement).textContent = events.toLocaleString('en');
    find('rate', HTMLElement).textContent =
      rate?.toLocaleString('en', { maximumSignificantDigits: 3 }) ?? '–';
    find('duplicates', HTMLElement).textContent = duplicates.toLocaleString('en');
    find('lag', HTMLElement).textContent = showLag(lagSeconds);
  }

  /** After a pause nothing is known of the rate. */
  begin() {
    this.#samples = [];
  }
}

/** @param {number | null} seconds */
function showLag(seconds) {
  if (seconds === null) return '–';
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
