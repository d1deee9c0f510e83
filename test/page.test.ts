// The page for people, in a browser, served by a real accumulate.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { afterEach, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';

import { startAccumulate } from './accumulate.ts';
import { browserMissing, openPage } from './browser.ts';
import { OidcIssuer, audience } from './oidc-issuer.ts';
import { PartProcess } from './part-process.ts';
import { structuredEvent, sumEvent } from './sum-event.ts';
import { makeTempDir } from './temp-dir.ts';
import { until } from './until.ts';

const inBrowser = browserMissing === '' ? test : test.skip;
const pages: Page[] = [];

afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close();
});

async function open(url: string, options: Parameters<typeof openPage>[1] = {}) {
  const opened = await openPage(url, options);
  pages.push(opened.page);
  return opened;
}

const text = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText();

/** Waits until what is there says this. */
async function shows(page: Page, selector: string, wanted: string | RegExp): Promise<void> {
  await until(`${selector} says ${String(wanted)}`, async () => {
    const is = await text(page, selector);
    return typeof wanted === 'string' ? is === wanted : wanted.test(is);
  });
}

/** The cells of a total's row: name, total, events. */
async function row(page: Page, name: string): Promise<string[]> {
  const cells = page.locator('#totals tr', { has: page.getByRole('button', { name, exact: true }) });
  return (await cells.locator('th, td').allInnerTexts()).slice(0, 3);
}

async function rowIs(page: Page, name: string, total: string, count: string): Promise<void> {
  const wanted = [name, total, count].join(' ');
  await until(`a row says ${wanted}`, async () => (await row(page, name)).join(' ') === wanted);
}

describe('the page', () => {
  inBrowser(
    `shows totals as they change, to the last digit, and how the ledger is${browserMissing}`,
    async () => {
      const accumulate = await startAccumulate();
      const { page, complaints } = await open(accumulate.url('/'));
      await shows(page, '#connection', 'live');
      await shows(page, '#totals-note', 'Nothing has come yet.');
      const time = new Date().toISOString();
      await accumulate.add('one', '9007199254740993.10', { total: 'sales', time });
      await rowIs(page, 'sales', '9007199254740993.1', '1');
      await accumulate.add('two', '0.000000000000000000001', { total: 'sales', time });
      await accumulate.add('two', '0.000000000000000000001', { total: 'sales', time });
      await accumulate.add('three', '-5', { total: 'stock', time });
      await rowIs(page, 'sales', '9007199254740993.100000000000000000001', '2');
      await rowIs(page, 'stock', '-5', '1');
      await shows(page, '#events', '3');
      await shows(page, '#duplicates', '1');
      await shows(page, '#lag', /^\d+ ms$|^\d+\.\d s$/);
      await shows(page, '#rate', /^\d/);
      expect(complaints).toEqual([]);
    },
  );

  inBrowser(`draws the total that is chosen${browserMissing}`, async () => {
    const accumulate = await startAccumulate();
    await accumulate.addBatch([
      structuredEvent('one', '10', { total: 'a' }),
      structuredEvent('two', '20', { total: 'b' }),
    ]);
    const { page } = await open(accumulate.url('/'));
    await shows(page, '#chart-name', 'a');
    await page.getByRole('button', { name: 'b', exact: true }).press('Enter');
    await shows(page, '#chart-name', 'b');
    await accumulate.add('three', '22.5', { total: 'b' });
    await until(
      'the line has risen',
      async () => (await page.locator('#chart svg').getAttribute('aria-label')) === 'b between 20 and 42.5',
    );
    await shows(page, '#chart-change', /^1 event since .*a minute just now$/);
    expect(await page.locator('#chart .line').getAttribute('d')).toMatch(/^M0 .*H.*V.*H/);
    await accumulate.add('four', '9'.repeat(400), { total: 'b' });
    await shows(page, '#chart-lines', 'too large to draw');
  });

  inBrowser(`finds one of many totals${browserMissing}`, async () => {
    const accumulate = await startAccumulate();
    const names = Array.from({ length: 250 }, (_, n) => `total-${n}`);
    await accumulate.addBatch(names.map((total) => structuredEvent(total, '1', { total })));
    const { page } = await open(accumulate.url('/'));
    await shows(page, '#totals-note', 'These are 100 of 250: filter to see others.');
    expect(await page.locator('#totals tr').count()).toBe(100);
    await page.getByRole('searchbox').fill('-249');
    await rowIs(page, 'total-249', '1', '1');
    expect(await page.locator('#totals tr').count()).toBe(1);
    await page.getByRole('searchbox').fill('none');
    await shows(page, '#totals-note', 'None of 250 totals has that in its name.');
  });

  inBrowser(`says whether an event was counted${browserMissing}`, async () => {
    const accumulate = await startAccumulate();
    const id = randomUUID();
    await accumulate.add(id, '2', { b: '0.5', sum: '2.5', total: 'sales' });
    await accumulate.add('<b>&"?#/', '7', { source: '/<script>' });
    const { page, complaints } = await open(accumulate.url('/'));
    const look = async (wanted: string, source: string): Promise<void> => {
      await page.getByLabel('Request id').fill(wanted);
      await page.getByLabel('Source').fill(source);
      await page.getByRole('button', { name: 'Look' }).click();
    };
    await look(` ${id} `, '/functions/add');
    await shows(page, '#found', /Counted\n[\s\S]*\nTotal\nsales\nSum\n2 \+ 0\.5 = 2\.5/);
    await look('<b>&"?#/', '/<script>');
    await shows(page, '#found', /Total\ndefault\nSum\n7$/);
    await look('<img src=x>', '/nobody');
    await shows(
      page,
      '#found',
      /^No: event "<img src=x>" of "\/nobody" is not among the events counted since /,
    );
    expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
  });

  inBrowser(
    `I2, I7: posts an event, and again with its id when no answer came${browserMissing}`,
    async () => {
      const accumulate = await startAccumulate();
      const { page } = await open(accumulate.url('/'));
      const post = page.getByRole('button', { name: 'Post', exact: true });
      await page.getByLabel('Total', { exact: true }).fill('tries');
      await page.getByLabel('Amount').fill('1.50');
      await post.click();
      await shows(page, '#posted', /^Outcome\napplied\nId\n[0-9a-f-]{36}$/);
      await rowIs(page, 'tries', '1.5', '1');
      await page.getByRole('button', { name: 'Look' }).click();
      await shows(page, '#found', /Total\ntries\nSum\n1\.5$/);

      // The answer is lost after the work was done.
      await page.route(/\/$/, async (route) => {
        await route.fetch();
        await route.abort();
      });
      await post.click();
      await shows(page, '#posted', /^No answer came: nobody knows whether it was counted\./);
      await rowIs(page, 'tries', '3', '2');
      await page.unroute(/\/$/);
      // A page that answers for accumulate, as a proxy's does, acknowledges nothing.
      await page.route(/\/$/, (route) => route.fulfill({ status: 200, body: 'sign in' }));
      await page.getByRole('button', { name: 'Send it again with the same id' }).click();
      await shows(page, '#posted', /^It may not be counted: the answer was 200\./);
      await page.unroute(/\/$/);
      await page.getByRole('button', { name: 'Send it again with the same id' }).click();
      await shows(page, '#posted', /^Outcome\nduplicate: it was counted before/);
      await page.getByLabel('Amount').fill('1e3');
      await post.click();
      await shows(page, '#posted', /^Refused: data\.a must be a decimal/);
      expect(await accumulate.total('tries')).toEqual({ total: '3', count: 2 });
    },
  );

  inBrowser(`goes on by itself after accumulate was killed${browserMissing}`, async () => {
    const accumulate = await new PartProcess('accumulate', { DATA_DIR: makeTempDir() }).start();
    const add = async (id: string): Promise<void> => {
      const { headers, body } = sumEvent(id, '1');
      await fetch(accumulate.url, { method: 'POST', headers, body });
    };
    await add('one');
    const { page } = await open(accumulate.url);
    await rowIs(page, 'default', '1', '1');
    await accumulate.kill();
    await shows(page, '#connection', /^no connection since .*: what is shown is from then, trying again$/);
    await accumulate.start();
    await add('two');
    await shows(page, '#connection', 'live');
    await rowIs(page, 'default', '2', '2');
  });

  inBrowser(`begins anew with another ledger${browserMissing}`, async () => {
    const env = { DATA_DIR: makeTempDir() };
    const accumulate = await new PartProcess('accumulate', env).start();
    const { headers, body } = sumEvent('one', '1', { total: 'old' });
    for (const id of ['one', 'two']) {
      await fetch(accumulate.url, { method: 'POST', headers: { ...headers, 'ce-id': id }, body });
    }
    const { page } = await open(accumulate.url);
    await rowIs(page, 'old', '2', '2');
    await accumulate.kill();
    env.DATA_DIR = makeTempDir();
    await accumulate.start();
    // As many events as the page knows of.
    for (const id of ['one', 'two']) {
      const event = { ...headers, 'ce-id': id, 'ce-subject': 'new' };
      await fetch(accumulate.url, { method: 'POST', headers: event, body });
    }
    await rowIs(page, 'new', '2', '2');
    expect(await row(page, 'old')).toEqual([]);
  });
});

inBrowser(`the page holds no connection while nobody looks at it${browserMissing}`, async () => {
  const accumulate = await startAccumulate();
  const { page } = await open(accumulate.url('/'));
  await shows(page, '#connection', 'live');
  const look = (hidden: boolean): Promise<void> =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
       document.dispatchEvent(new Event('visibilitychange'));`,
    );
  const streams = async (): Promise<string | undefined> =>
    /^tally_accumulate_streams (\d+)$/m.exec(await (await accumulate.get('/metrics')).text())?.[1];
  await look(true);
  await until('the stream is gone', async () => (await streams()) === '0');
  await accumulate.add('one', '1');
  await look(false);
  await rowIs(page, 'default', '1', '1');
  expect(await streams()).toBe('1');
});

inBrowser(`the page keeps the focus where it is when a total comes${browserMissing}`, async () => {
  const accumulate = await startAccumulate();
  await accumulate.add('one', '1', { total: 'b' });
  const { page } = await open(accumulate.url('/'));
  await page.getByRole('button', { name: 'b', exact: true }).focus();
  await accumulate.add('two', '1', { total: 'a' });
  await rowIs(page, 'a', '1', '1');
  expect(await page.evaluate('document.activeElement.textContent')).toBe('b');
  await page.getByRole('button', { name: 'a', exact: true }).click();
  // All its events came since.
  await shows(page, '#chart-change', /^1 event since /);
});

describe('for everybody', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

  /** What axe finds wrong. */
  async function findBarriers(page: Page): Promise<string[]> {
    // By the debugger, which the page's policy does not bind.
    await page.evaluate(axe);
    return await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const { violations } = await axe.run();
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    });
  }

  inBrowser.each([
    ['light', 1_200],
    ['dark', 1_200],
    ['light', 360],
    ['dark', 360],
  ] as const)(`nothing is in the way: %s, %i pixels wide${browserMissing}`, async (colorScheme, width) => {
    const accumulate = await startAccumulate();
    await accumulate.addBatch([
      structuredEvent('one', `-${'1234567890'.repeat(30)}.5`, { total: 'a-very-long-name-'.repeat(3) + 'z' }),
      structuredEvent('two', '2', { total: 'b' }),
    ]);
    const { page } = await open(accumulate.url('/'), { colorScheme, viewport: { width, height: 800 } });
    await shows(page, '#totals tr:last-child td:nth-child(2)', '2');
    await page.getByRole('button', { name: 'Post', exact: true }).click();
    await shows(page, '#posted', /^Outcome/);
    await page.getByLabel('Request id').fill('none');
    await page.getByRole('button', { name: 'Look' }).click();
    await shows(page, '#found', /^No: /);
    expect(await findBarriers(page)).toEqual([]);
    const scrolls = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(scrolls).toBeLessThanOrEqual(width);
  });

  inBrowser(`it says why nothing can be posted${browserMissing}`, async () => {
    const accumulate = await startAccumulate({ PAGE_POSTING: 'off' });
    const { page } = await open(accumulate.url('/'));
    await shows(page, '#no-post', 'Not from this page: PAGE_POSTING is off.');
    expect(await page.getByRole('button', { name: 'Post', exact: true }).isVisible()).toBe(false);
    expect(await findBarriers(page)).toEqual([]);
  });
});

describe('what is served', () => {
  test('lets nothing in but what is here, and is asked for again by its tag', async () => {
    const accumulate = await startAccumulate();
    const html = await (await accumulate.get('/')).text();
    const paths = [
      '/',
      ...[...html.matchAll(/(?:src|href)="(page\/[^"]+)"/g)].map(([, path]) => `/${path ?? ''}`),
    ];
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) {
      const response = await accumulate.get(path);
      expect([path, response.status]).toEqual([path, 200]);
      expect(response.headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      const again = await accumulate.get(path, { 'if-none-match': response.headers.get('etag') ?? '' });
      expect([path, again.status]).toEqual([path, 304]);
    }
    expect(html).not.toMatch(/https?:|style=| on\w+=|<script>/);
  });

  test('is from a list: no path leads elsewhere', async () => {
    const accumulate = await startAccumulate();
    const paths = [
      'tsconfig.json',
      '../page.ts',
      '..%2fpage.ts',
      '%2e%2e/page.ts',
      '',
      'index.html',
      'main.js/',
    ];
    for (const path of paths) {
      expect([path, (await accumulate.get(`/page/${path}`)).status]).toEqual([path, 404]);
    }
    expect((await fetch(accumulate.url('/page/main.js'), { method: 'POST' })).status).toBe(405);
  });

  test('is no way in for other pages: a browser asks first, and is refused', async () => {
    const accumulate = await startAccumulate();
    const asked = await fetch(accumulate.url('/'), {
      method: 'OPTIONS',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    });
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([405, null]);
    // What a browser sends without asking.
    const simple = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'];
    for (const type of simple) {
      const response = await accumulate.post({ 'content-type': type }, '{"a":"1","b":"0","sum":"1"}');
      expect([type, response.status]).toEqual([type, 400]);
    }
  });

  test('lets people post where they alone can reach it, unless told otherwise', async () => {
    const issuer = await OidcIssuer.start();
    const tokens = { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: audience };
    const whyNot = async (env: Record<string, string>): Promise<unknown> => {
      const accumulate = await startAccumulate(env);
      return ((await accumulate.getJson('/page/settings.json')) as { whyNoPosting: unknown }).whyNoPosting;
    };
    expect(await whyNot({})).toBe(null);
    expect(await whyNot({ PAGE_POSTING: 'off' })).toMatch(/PAGE_POSTING is off/);
    expect(await whyNot({ HOST: '0.0.0.0' })).toMatch(/PAGE_POSTING is off/);
    expect(await whyNot({ HOST: '0.0.0.0', PAGE_POSTING: 'on' })).toBe(null);
    expect(await whyNot(tokens)).toMatch(/token/);
    await expect(whyNot({ ...tokens, PAGE_POSTING: 'on' })).rejects.toThrow(
      'PAGE_POSTING was "on", should be "off": the page has no token to post with',
    );
  });
});
