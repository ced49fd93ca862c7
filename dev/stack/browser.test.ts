import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from './browser.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

it('shows a page and keeps the rules of the web', async () => {
  const server = createServer((req, res) => {
    res.setHeader('content-type', 'text/html');
    res.end(req.url === '/other' ? 'secret' : '<h1>Leads</h1>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  expect(await page.textContent('h1')).toBe('Leads');
  expect(await page.evaluate('document.querySelector("h1").getBoundingClientRect().width')).toBeGreaterThan(0);
  // Another origin may not be read: switched off by what the package starts Chromium with by default.
  const read = page.evaluate(`fetch('http://localhost:${port}/other').then((reply) => reply.text())`);
  await expect(read).rejects.toThrow('Failed to fetch');
  server.close();
});
