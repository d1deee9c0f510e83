// "Was it counted?": asks the ledger for one event.

import { ask, fieldOf, find, make, makeList, readProblem, showTime, textOf } from './dom.js';

/**
 * @typedef {object} CountedEvent
 * @property {string} total
 * @property {string} a
 * @property {string} b
 * @property {string} sum
 * @property {string} appliedAt
 */

const form = find('search', HTMLFormElement);
const found = find('found', HTMLElement);

export function startSearch() {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void search(textOf(form, 'id'), textOf(form, 'source'));
  });
}

/**
 * Fills the form in for an event that the page knows of.
 * @param {string} id
 * @param {string} source
 */
export function offerSearch(id, source) {
  fieldOf(form, 'id').value = id;
  fieldOf(form, 'source').value = source;
}

/**
 * @param {string} id
 * @param {string} source
 */
async function search(id, source) {
  if (/^\.\.?$/.test(id)) {
    found.replaceChildren(make('p', 'An id of dots alone has no address to be asked for at.', 'bad'));
    return;
  }
  found.replaceChildren(make('p', 'looking …', 'note'));
  const query = source === '' ? '' : `?${new URLSearchParams({ source }).toString()}`;
  try {
    const response = await ask(`requests/${encodeURIComponent(id)}${query}`);
    if (response.ok) show(/** @type {CountedEvent} */ (await response.json()));
    else if (response.status === 404) found.replaceChildren(make('p', `No: ${await readProblem(response)}.`));
    else found.replaceChildren(make('p', `Nobody can say: ${await readProblem(response)}.`, 'bad'));
  } catch {
    const problem = 'No answer came that can be read: look again when the page is live.';
    found.replaceChildren(make('p', problem, 'bad'));
  }
}

/** @param {CountedEvent} event */
function show({ total, a, b, sum, appliedAt }) {
  const list = makeList([
    ['Counted', showTime(new Date(appliedAt))],
    ['Total', total],
    ['Sum', b === '0' ? sum : `${a} + ${b} = ${sum}`],
  ]);
  found.replaceChildren(list);
}
