// Debian's Chromium, driven by Playwright.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { type Browser, chromium } from 'playwright-core';

/** Where it is; undefined where there is none. */
export const chromiumPath = (process.env['PATH'] ?? '')
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

export async function launchChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('chromium is not on the PATH');
  // Its sandbox does not work for root, as which CI may run; it opens nothing but our own page.
  return await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
}
