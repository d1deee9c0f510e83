// Waiting for a condition instead of for a time.

import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again and again until `condition` gives something other than undefined or false, which is then the result.
 * @throws Error naming what was waited for, when it has not come within `timeoutMs`
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(10);
  }
}
