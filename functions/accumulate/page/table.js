// The table of totals and the chart of the one that is chosen.

import { drawChart, drawSparkline } from './chart.js';
import { find, make, showTime } from './dom.js';
import { History, spacingOf } from './history.js';

/** @typedef {import('./live.js').Total} Total */

/** More rows at a time are of use to nobody: the filter finds the others. */
const maxRows = 100;

export class Table {
  /** @type {Map<string, Total>} */
  #totals = new Map();
  /** @type {Map<string, History>} */
  #histories = new Map();
  /** @type {Map<string, HTMLTableRowElement>} */
  #rows = new Map();
  /** @type {string | undefined} */
  #chosen;
  /** @type {Set<string> | undefined} */
  #told;
  #isComplete = false;
  #openedAt = new Date();
  #body = find('totals', HTMLTableSectionElement);
  #note = find('totals-note', HTMLElement);
  #filter = find('filter', HTMLInputElement);
  #chart = find('chart', HTMLElement);

  constructor() {
    this.#filter.addEventListener('input', () => this.#arrange());
  }

  /** From now on all there are will be told. */
  begin() {
    this.#told = new Set();
  }

  /** @param {readonly Total[]} totals those that changed */
  update(totals) {
    const now = Date.now();
    let isNew = false;
    for (const total of totals) {
      const { name, count } = total;
      isNew ||= !this.#totals.has(name);
      this.#told?.add(name);
      this.#totals.set(name, total);
      // Of one that came since, all events did.
      const history = this.#histories.get(name) ?? new History(this.#isComplete ? 0 : count);
      history.add(total.total, count, now, spacingOf(this.#totals.size));
      this.#histories.set(name, history);
    }
    if (isNew) this.#arrange();
    for (const { name } of totals) this.#fill(name);
  }

  /** Those that were not told are there no more: it is another ledger. */
  complete() {
    const told = this.#told ?? new Set();
    const gone = [...this.#totals.keys()].filter((name) => !told.has(name));
    for (const name of gone) {
      this.#totals.delete(name);
      this.#histories.delete(name);
    }
    this.#told = undefined;
    this.#isComplete = true;
    if (this.#chosen !== undefined && !this.#totals.has(this.#chosen)) this.#chosen = undefined;
    this.#arrange();
  }

  /** Moves the lines on. */
  draw() {
    const now = Date.now();
    for (const [name, row] of this.#rows) {
      const points = this.#histories.get(name)?.points(now) ?? [];
      row.querySelector('svg')?.replaceWith(drawSparkline(points, now));
    }
    const history = this.#chosen === undefined ? undefined : this.#histories.get(this.#chosen);
    this.#chart.hidden = history === undefined;
    if (history === undefined || this.#chosen === undefined) return;
    const { added } = history;
    find('chart-name', HTMLElement).textContent = this.#chosen;
    find('chart-change', HTMLElement).textContent =
      `${added} ${added === 1 ? 'event' : 'events'} since ${showTime(this.#openedAt)}, ` +
      `${history.ratePerMinute(now).toFixed(0)} a minute just now`;
    const lines = find('chart-lines', HTMLElement);
    lines.replaceChildren(drawChart(this.#chosen, history.points(now), now, lines.clientWidth));
  }

  /** Puts the rows in place that are to be seen. */
  #arrange() {
    const wanted = this.#filter.value.trim().toLowerCase();
    const names = [...this.#totals.keys()].filter((name) => name.includes(wanted)).sort();
    const shown = names.slice(0, maxRows);
    this.#chosen ??= shown[0];
    this.#rows = new Map(shown.map((name) => [name, this.#rows.get(name) ?? this.#makeRow(name)]));
    this.#place([...this.#rows.values()]);
    for (const name of shown) this.#fill(name);
    this.#note.hidden = names.length > 0 && names.length <= maxRows;
    if (this.#totals.size === 0) this.#note.textContent = 'Nothing has come yet.';
    else if (names.length === 0)
      this.#note.textContent = `None of ${this.#totals.size} totals has that in its name.`;
    else this.#note.textContent = `These are ${maxRows} of ${names.length}: filter to see others.`;
    this.draw();
  }

  /**
   * Moves as little as it can: what is taken out, if only for a moment, loses the focus and what is selected in it.
   * @param {readonly HTMLTableRowElement[]} rows
   */
  #place(rows) {
    const wanted = new Set(rows);
    for (const row of [...this.#body.rows]) if (!wanted.has(row)) row.remove();
    for (const [index, row] of rows.entries()) {
      if (this.#body.rows[index] !== row) this.#body.insertBefore(row, this.#body.rows[index] ?? null);
    }
  }

  /** @param {string} name */
  #makeRow(name) {
    const row = document.createElement('tr');
    const choose = make('button', name);
    choose.setAttribute('type', 'button');
    choose.addEventListener('click', () => {
      this.#choose(name);
    });
    const head = document.createElement('th');
    head.scope = 'row';
    head.append(choose);
    const line = make('td', '', 'wide');
    line.append(drawSparkline([], 0));
    row.append(head, make('td', '', 'number'), make('td', '', 'number'), make('td', '', 'wide time'), line);
    return row;
  }

  /** @param {string} name */
  #choose(name) {
    this.#chosen = name;
    for (const each of this.#rows.keys()) this.#fill(each);
    this.draw();
  }

  /** @param {string} name */
  #fill(name) {
    const [row, total] = [this.#rows.get(name), this.#totals.get(name)];
    if (row === undefined || total === undefined) return;
    const texts = [total.total, String(total.count), showTime(new Date(total.updatedAt))];
    for (const [index, text] of texts.entries()) {
      const cell = row.cells[index + 1];
      if (cell !== undefined && cell.textContent !== text) cell.textContent = text;
    }
    const isChosen = name === this.#chosen;
    row.toggleAttribute('data-chosen', isChosen);
    row.querySelector('button')?.setAttribute('aria-pressed', String(isChosen));
  }
}
