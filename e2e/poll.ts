// Waiting for the cluster, which takes seconds where a process takes milliseconds.

import { setTimeout as delay } from 'node:timers/promises';

const pauseMs = 500;

/**
 * Asks again and again until `condition` gives something other than undefined or false.
 * @throws Error naming what was waited for
 */
export async function poll<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs: number,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1_000} s in vain: ${what}`);
    await delay(pauseMs);
  }
}
