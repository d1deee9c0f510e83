// Posts test events, where that is allowed. An event has its id before it is sent: when no answer comes, nobody knows
// whether it was counted (I7), and sending it again with the same id cannot count it twice (I2). Each has a place of its own
// on the page, so that one of which nothing is known yet does not go when the next is posted.

import { ask, find, make, makeList, readProblem, textOf } from './dom.js';
import { offerSearch } from './search.js';

const source = '/page';
const maxShown = 5;

const form = find('post', HTMLFormElement);
const posted = find('posted', HTMLElement);

export async function startPosting() {
  const why = await askWhyNot();
  form.hidden = why !== undefined;
  const note = find('no-post', HTMLElement);
  note.hidden = why === undefined;
  note.textContent = why ?? '';
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const place = document.createElement('div');
    posted.prepend(place);
    for (const old of [...posted.children].slice(maxShown)) {
      if (old.querySelector('button') === null) old.remove();
    }
    const total = textOf(form, 'total');
    const time = new Date().toISOString();
    void post({ id: makeId(), total, amount: textOf(form, 'amount'), time }, place);
  });
}

/** @returns {Promise<string | undefined>} why nothing may be posted from here */
async function askWhyNot() {
  try {
    const response = await ask('page/settings.json');
    if (!response.ok) return `It is not known whether that is allowed: ${await readProblem(response)}.`;
    const { whyNoPosting } = /** @type {{ whyNoPosting: string | null }} */ (await response.json());
    return whyNoPosting ?? undefined;
  } catch {
    return 'It is not known whether that is allowed: load the page again.';
  }
}

/** A version 4 UUID; `randomUUID` is there on https and this machine alone. */
function makeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/**
 * @typedef {object} TestEvent
 * @property {string} id
 * @property {string} total
 * @property {string} amount
 * @property {string} time
 */

/**
 * @param {TestEvent} event
 * @param {HTMLElement} place where to say what came of it
 */
async function post(event, place) {
  const { id, total, amount, time } = event;
  const button = form.querySelector('button');
  // Two presses are most often meant as one.
  if (button !== null) button.disabled = true;
  place.replaceChildren(make('p', 'sending …', 'note'));
  offerSearch(id, source);
  try {
    const response = await ask('.', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-type': 'dev.tally.sum.v1',
        'ce-source': source,
        'ce-id': id,
        'ce-subject': total,
        'ce-time': time,
      },
      body: JSON.stringify({ a: amount, b: '0', sum: amount }),
    });
    const outcome = response.headers.get('tally-outcome');
    if (outcome !== null) {
      const text = outcome === 'duplicate' ? 'duplicate: it was counted before' : outcome;
      place.replaceChildren(
        makeList([
          ['Outcome', text],
          ['Id', id],
        ]),
      );
    } else if (response.status >= 400 && response.status < 500) {
      place.replaceChildren(make('p', `Refused: ${await readProblem(response)}.`, 'bad'));
    } else offerAgain(event, place, `It may not be counted: ${await readProblem(response)}.`);
  } catch {
    offerAgain(event, place, 'No answer came: nobody knows whether it was counted.');
  } finally {
    if (button !== null) button.disabled = false;
  }
}

/**
 * @param {TestEvent} event
 * @param {HTMLElement} place
 * @param {string} problem
 */
function offerAgain(event, place, problem) {
  const again = make('button', 'Send it again with the same id');
  again.addEventListener('click', () => void post(event, place));
  place.replaceChildren(make('p', problem, 'bad'), makeList([['Id', event.id]]), again);
}
