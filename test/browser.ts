// A browser for tests, closed after the last of a file.

import { afterAll, expect } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

import { chromiumPath, launchChromium } from './chromium.ts';

/** What to put into the name of tests that need a browser; empty when there is one. */
export const browserMissing = chromiumPath === undefined ? ' (skipped: chromium is not here)' : '';

let browser: Browser | undefined;

afterAll(async () => {
  await browser?.close();
});

/** A page that was told of nothing before, and everything that it complained about. */
export async function openPage(
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  browser ??= await launchChromium();
  const context = await browser.newContext({ locale: 'en', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const response = await page.goto(url);
  expect(response?.status()).toBe(200);
  return { page, complaints };
}
