// What the server tells as it happens. The connection comes back by itself and goes on with what it had last; a server
// that says nothing for some seconds is taken for gone.

/**
 * @typedef {object} Total
 * @property {string} name
 * @property {string} total exact, as text
 * @property {number} count
 * @property {number} version
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
 * @property {(totals: readonly Total[]) => void} onTotals those that changed
 * @property {(state: LedgerState) => void} onLedger once a second
 * @property {() => void} onOtherLedger what was told before is of no meaning any more
 * @property {(connection: Connection) => void} onConnection
 */

/** The server speaks once a second. */
const silenceMs = 5_000;
const pauseMs = 2_000;

/** @param {Listener} listener */
export function follow({ onTotals, onLedger, onOtherLedger, onConnection }) {
  let version = 0;
  let heardAt = Date.now();
  /** @type {EventSource} */
  let source;

  const open = () => {
    heardAt = Date.now();
    source = new EventSource(`stream?after=${version}`);
    source.addEventListener('ledger', (/** @type {MessageEvent<string>} */ { data }) => {
      heardAt = Date.now();
      const state = /** @type {LedgerState} */ (JSON.parse(data));
      if (state.events < version) {
        version = 0;
        onOtherLedger();
      }
      onConnection('live');
      onLedger(state);
    });
    source.addEventListener('totals', (/** @type {MessageEvent<string>} */ { data, lastEventId }) => {
      version = Number(lastEventId);
      onTotals(/** @type {Total[]} */ (JSON.parse(data)));
    });
    source.addEventListener('error', () => {
      onConnection('lost');
      // Refused, which the browser takes for good.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, pauseMs);
    });
  };
  open();
  setInterval(() => {
    if (Date.now() - heardAt < silenceMs || source.readyState === EventSource.CLOSED) return;
    onConnection('lost');
    source.close();
    open();
  }, pauseMs);
}
