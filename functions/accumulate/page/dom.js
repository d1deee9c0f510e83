// What the parts of the page do to the document. Text is set as text, never as markup: ids and sources are anybody's.

/**
 * The element of the page with this id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type what it has to be
 * @returns {T}
 */
export function find(id, type) {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${type.name} #${id}`);
}

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} [className]
 */
export function make(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className !== undefined) element.className = className;
  return element;
}

/**
 * What is in a field, without blanks around it.
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export function textOf(form, name) {
  return fieldOf(form, name).value.trim();
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export function fieldOf(form, name) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement) return field;
  throw new Error(`the form has no field ${name}`);
}

/**
 * A list of terms and what they are.
 * @param {readonly (readonly [term: string, text: string])[]} pairs
 */
export function makeList(pairs) {
  const list = document.createElement('dl');
  for (const [term, text] of pairs) list.append(make('dt', term), make('dd', text));
  return list;
}

/**
 * A time of today as people read it, with the date where it is another day's.
 * @param {Date} time
 */
export function showTime(time) {
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toLocaleTimeString() : time.toLocaleString();
}

/** How long an answer may take, milliseconds. */
const answerMs = 10_000;

/**
 * fetch that does not wait for ever.
 * @param {string} path
 * @param {RequestInit} [init]
 */
export function ask(path, init = {}) {
  return fetch(path, { ...init, signal: AbortSignal.timeout(answerMs) });
}

/**
 * What the server said went wrong: a problem document's own words (RFC 9457).
 * @param {Response} response
 * @returns {Promise<string>}
 */
export async function readProblem(response) {
  try {
    const { detail } = /** @type {{ detail: unknown }} */ (await response.json());
    if (typeof detail === 'string') return detail;
  } catch {
    // A proxy's answer, perhaps: the status says what there is to say.
  }
  return `the answer was ${response.status}`;
}
