// Loaded before everything else in each process that is measured (`node --import`): answers what the process itself has
// used, all its threads together, so that the functions and the bounds are measured by one and the same account.
//
// JavaScript, because the first TypeScript file makes Node load its type stripper, 14 MB that are not the process's own.

import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

/**
 * @typedef {object} Usage
 * @property {number} cpuMicros
 * @property {number} rssBytes
 * @property {number} peakRssBytes the most that it ever was
 */

/** @returns {Usage} */
function readUsage() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    cpuMicros: userCPUTime + systemCPUTime,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: maxRSS * 1024,
  };
}

// Threads load it too.
if (isMainThread) {
  process.on('message', (message) => {
    if (message === 'usage') process.send?.({ usage: readUsage() });
  });
}
