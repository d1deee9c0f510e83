// `npm run screenshot`: takes docs/page.png anew, the page of an accumulate that counts for a minute and a half what some
// shop might count.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { readConfig } from '../functions/accumulate/config.ts';
import { start } from '../functions/accumulate/main.ts';
import { createLog } from '../lib/log.ts';
import { launchChromium } from './chromium.ts';
import { type SumEvent, sumEvent } from './sum-event.ts';

const secondsOfEvents = 90;

/** Each with the least and the most of an amount, and its digits after the point. */
const totals = [
  ['donations', 5, 120, 2],
  ['stock-blue-mugs', -4, 5, 0],
  ['usage-acme', 0.001, 0.4, 4],
  ['usage-globex', 0.01, 2, 4],
] as const;

function makeEvent(): SumEvent {
  const [total, least, most, digits] = totals[Math.floor(Math.random() * totals.length)] ?? totals[0];
  const amount = (least + Math.random() * (most - least)).toFixed(digits);
  const time = new Date(Date.now() - 15).toISOString();
  return sumEvent(randomUUID(), amount, { source: '/shop', total, time });
}

const directory = mkdtempSync(join(tmpdir(), 'tally-screenshot-'));
const config = readConfig({ HOST: '127.0.0.1', PORT: '0', DATA_DIR: directory });
const accumulate = await start(config, await createLog('accumulate', 'warn'));
const url = `http://127.0.0.1:${accumulate.port}/`;
const browser = await launchChromium();
try {
  const page = await browser.newPage({ locale: 'en', viewport: { width: 1_120, height: 700 } });
  await page.goto(url);
  const sent: SumEvent[] = [];
  const until = Date.now() + secondsOfEvents * 1_000;
  while (Date.now() < until) {
    // Now and then somebody tries again.
    const again = Math.random() < 0.05 ? sent.at(-1) : undefined;
    const event = again ?? makeEvent();
    sent.push(event);
    await fetch(url, { method: 'POST', ...event });
    // More in some stretches than in others.
    await delay(40 + 500 * Math.random() * (1 + Math.sin(Date.now() / 7_000)));
  }
  await page.getByLabel('Request id').fill(sent.at(-1)?.headers['ce-id'] ?? '');
  await page.getByLabel('Source').fill('/shop');
  await page.getByRole('button', { name: 'Look' }).click();
  await page.getByText('Counted', { exact: true }).waitFor();
  const path = fileURLToPath(new URL('../docs/page.png', import.meta.url));
  await page.screenshot({ path, fullPage: true });
} finally {
  await browser.close();
  await accumulate.drain();
  rmSync(directory, { recursive: true });
}
