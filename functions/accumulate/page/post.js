// Posts a test event, where that is allowed. It has its id before it is sent: when no answer comes, nobody knows whether
// it was counted (I7), and sending it again with the same id cannot count it twice (I2).

import { find, make, makeList, readProblem, textOf } from './dom.js';
import { offerSearch } from './search.js';

const source = '/page';

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
    void post({
      id: makeId(),
      total: textOf(form, 'total'),
      amount: textOf(form, 'amount'),
      time: new Date().toISOString(),
    });
  });
}

/** @returns {Promise<string | undefined>} why nothing may be posted from here */
async function askWhyNot() {
  try {
    const response = await fetch('page/settings.json');
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

/** @param {TestEvent} event */
async function post(event) {
  const { id, total, amount, time } = event;
  posted.replaceChildren(make('p', 'sending …', 'note'));
  let response;
  try {
    response = await fetch('.', {
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
  } catch {
    offerAgain(event, 'No answer came: nobody knows whether it was counted.');
    return;
  }
  offerSearch(id, source);
  if (response.ok) {
    const outcome = response.headers.get('tally-outcome') ?? '';
    posted.replaceChildren(
      makeList([
        ['Outcome', outcome === 'duplicate' ? 'duplicate: it was counted before' : 'applied'],
        ['Id', id],
      ]),
    );
  } else if (response.status >= 500) {
    offerAgain(event, `It may not be counted: ${await readProblem(response)}.`);
  } else posted.replaceChildren(make('p', `Refused: ${await readProblem(response)}.`, 'bad'));
}

/**
 * @param {TestEvent} event
 * @param {string} problem
 */
function offerAgain(event, problem) {
  const again = make('button', 'Send it again with the same id');
  again.addEventListener('click', () => void post(event));
  posted.replaceChildren(make('p', problem, 'bad'), again);
}
