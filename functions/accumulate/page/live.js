// What the server tells as it happens. The connection comes back by itself, and is then told all that is so; a server
// that says nothing for some seconds is taken for gone. While nobody looks at the page there is none: a browser has six
// for each server, and other pages want theirs.

/**
 * @typedef {object} Total
 * @property {string} name
 * @property {string} total exact, as text
 * @property {number} count
 * @property {string} updatedAt
 *
 * @typedef {object} LedgerState
 * @property {number} events ever counted
 * @property {number} duplicates refused, as far back as ids are kept
 * @property {number | null} lagSeconds of the newest event; null where it carries no time
 *
 * @typedef {'waiting' | 'live' | 'lost'} Connection
 *
 * @typedef {object} Listener
 * @property {() => void} onBegin all is told anew
 * @property {(totals: readonly Total[]) => void} onTotals those that changed
 * @property {() => void} onComplete all there are have been told
 * @property {(state: LedgerState) => void} onLedger once a second
 * @property {(connection: Connection) => void} onConnection
 */

/** The server speaks once a second. */
const silenceMs = 5_000;
const pauseMs = 2_000;

/** @param {Listener} listener */
export function follow({ onBegin, onTotals, onComplete, onLedger, onConnection }) {
  let heardAt = 0;
  /** @type {EventSource | undefined} */
  let source;

  const open = () => {
    heardAt = Date.now();
    const opened = new EventSource('stream');
    source = opened;
    opened.addEventListener('open', onBegin);
    opened.addEventListener('ledger', (/** @type {MessageEvent<string>} */ { data }) => {
      heardAt = Date.now();
      onConnection('live');
      onLedger(/** @type {LedgerState} */ (JSON.parse(data)));
    });
    opened.addEventListener('totals', (/** @type {MessageEvent<string>} */ { data }) => {
      onTotals(/** @type {Total[]} */ (JSON.parse(data)));
    });
    opened.addEventListener('complete', onComplete);
    opened.addEventListener('error', () => {
      onConnection('lost');
    });
  };
  const close = () => {
    source?.close();
    source = undefined;
  };
  const openIfSeen = () => {
    if (document.hidden) close();
    else if (source === undefined) open();
  };
  document.addEventListener('visibilitychange', openIfSeen);
  openIfSeen();
  setInterval(() => {
    // Refused, which the browser takes for good; or silent.
    const isOver = source?.readyState === EventSource.CLOSED;
    if (source === undefined || (!isOver && Date.now() - heardAt < silenceMs)) return;
    onConnection('lost');
    close();
    open();
  }, pauseMs);
}
