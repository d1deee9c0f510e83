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
  #openedAt = new Date();
  #body = find('totals', HTMLTableSectionElement);
  #note = find('totals-note', HTMLElement);
  #filter = find('filter', HTMLInputElement);
  #chart = find('chart', HTMLElement);

  constructor() {
    this.#filter.addEventListener('input', () => this.#arrange());
  }

  /** @param {readonly Total[]} totals those that changed */
  update(totals) {
    const now = Date.now();
    let isNew = false;
    for (const total of totals) {
      isNew ||= !this.#totals.has(total.name);
      this.#totals.set(total.name, total);
      const history = this.#histories.get(total.name) ?? new History();
      history.add(total.total, total.count, now, spacingOf(this.#totals.size));
      this.#histories.set(total.name, history);
    }
    if (isNew) this.#arrange();
    for (const { name } of totals) this.#fill(name);
  }

  /** Forgets everything. */
  clear() {
    this.#totals.clear();
    this.#histories.clear();
    this.#chosen = undefined;
    this.#openedAt = new Date();
    this.#arrange();
  }

  /** Moves the lines on. */
  draw() {
    const now = Date.now();
    for (const [name, row] of this.#rows) {
      const { points = [] } = this.#histories.get(name) ?? {};
      row.querySelector('svg')?.replaceWith(drawSparkline(points, now));
    }
    const history = this.#chosen === undefined ? undefined : this.#histories.get(this.#chosen);
    this.#chart.hidden = history === undefined;
    if (history === undefined || this.#chosen === undefined) return;
    const added = (history.points.at(-1)?.count ?? 0) - history.firstCount;
    find('chart-name', HTMLElement).textContent = this.#chosen;
    find('chart-change', HTMLElement).textContent =
      `${added} events since ${showTime(this.#openedAt)}, ${history.ratePerMinute(now).toFixed(0)} a minute just now`;
    const lines = find('chart-lines', HTMLElement);
    lines.replaceChildren(drawChart(this.#chosen, history.points, now, lines.clientWidth));
  }

  /** Puts the rows in place that are to be seen. */
  #arrange() {
    const wanted = this.#filter.value.trim().toLowerCase();
    const names = [...this.#totals.keys()].filter((name) => name.includes(wanted)).sort();
    const shown = names.slice(0, maxRows);
    this.#chosen ??= shown[0];
    const rows = shown.map((name) => [name, this.#rows.get(name) ?? this.#makeRow(name)]);
    this.#rows = new Map(/** @type {[string, HTMLTableRowElement][]} */ (rows));
    this.#body.replaceChildren(...this.#rows.values());
    for (const name of shown) this.#fill(name);
    this.#note.hidden = names.length > 0 && names.length <= maxRows;
    if (this.#totals.size === 0) this.#note.textContent = 'Nothing has come yet.';
    else if (names.length === 0)
      this.#note.textContent = `None of ${this.#totals.size} totals has that in its name.`;
    else this.#note.textContent = `These are ${maxRows} of ${names.length}: filter to see others.`;
    this.draw();
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
    row.append(head, make('td', '', 'number'), make('td', '', 'number'), make('td', '', 'wide'), line);
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
