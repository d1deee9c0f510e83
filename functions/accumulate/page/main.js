// The page for people: puts its parts together.

import { find, showTime } from './dom.js';
import { Figures } from './figures.js';
import { follow } from './live.js';
import { startPosting } from './post.js';
import { startSearch } from './search.js';
import { Table } from './table.js';

const figures = new Figures();
const table = new Table();
const connection = find('connection', HTMLElement);

follow({
  onBegin: () => {
    table.begin();
    figures.begin();
  },
  onTotals: (totals) => {
    table.update(totals);
  },
  onComplete: () => {
    table.complete();
  },
  onLedger: (state) => {
    figures.update(state);
    table.draw();
  },
  onConnection: (state) => {
    // It is read out when it changes, and only then.
    if (connection.dataset['state'] === state) return;
    connection.dataset['state'] = state;
    const since = showTime(new Date());
    connection.textContent =
      state === 'live' ? 'live' : `no connection since ${since}: what is shown is from then, trying again`;
  },
});
startSearch();
void startPosting();
