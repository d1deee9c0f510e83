// A browser: Debian's Chromium, driven by Playwright.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { afterAll, expect } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const executable = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** What to put into the name of tests that need a browser; empty when there is one. */
export const browserMissing = executable === undefined ? ' (skipped: chromium is not here)' : '';

let browser: Browser | undefined;

afterAll(async () => {
  await browser?.close();
});

/** A page that was told of nothing before, and everything that it complained about. */
export async function openPage(
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  browser ??= await chromium.launch({
    executablePath: executable ?? '',
    // Its sandbox does not work for root, as which CI may run; it opens nothing but our own page.
    args: ['--no-sandbox'],
  });
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
