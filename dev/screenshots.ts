import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { type SeededBench, withStack } from './bench/stack.ts';
import { launchBrowser } from './stack/browser.ts';
import { root } from './stack/locate.ts';

const folder = join(root, 'docs/images');
const shots = [
  { name: 'hub', path: '/crm/marketing', width: 1440, height: 1180, locale: 'es-AR', colorScheme: 'light' },
  { name: 'hub-phone', path: '/crm/marketing', width: 360, height: 780, locale: 'en-US', colorScheme: 'dark' },
  { name: 'lead', path: 'newest lead', width: 1440, height: 900, locale: 'es-AR', colorScheme: 'light' },
] as const;

mkdirSync(folder, { recursive: true });
const browser = await launchBrowser();
await withStack(async (bench) => {
  await aConversation(bench);
  for (const shot of shots) await take(browser, bench, shot);
});
await browser.close();
process.exit();

/** A lead that was written to and answered, so that the pictures show one. */
async function aConversation({ places }: SeededBench): Promise<void> {
  const post = (url: string, body: object) =>
    fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  await post(`${places.metaSimUrl}/_control/leads`, { count: 3 });
  const sent = await untilSent(places.ycloudSimUrl, 3);
  await post(`${places.ycloudSimUrl}/_control/replies`, {
    to: sent.at(-1)?.to,
    text: 'Hola, ¿puede ser el jueves a la tarde?',
  });
}

async function untilSent(ycloudSimUrl: string, count: number): Promise<{ to: string }[]> {
  for (;;) {
    const { messages } = (await (await fetch(`${ycloudSimUrl}/_control/ledger`)).json()) as {
      messages: { to: string }[];
    };
    if (messages.length >= count) return messages;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function take(
  browser: Browser,
  { places, tenants }: SeededBench,
  { name, path, width, height, locale, colorScheme }: (typeof shots)[number],
): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme });
  const page = await context.newPage();
  await page.goto(`${places.webUrl}/login`);
  await page.fill('#email', tenants[0]?.email ?? '');
  await page.fill('#password', tenants[0]?.password ?? '');
  await page.click('#sign-in button[type=submit]');
  await page.waitForURL(/\/crm\/marketing/);
  if (path === 'newest lead') {
    await page.goto(`${places.webUrl}/crm/leads`);
    await page.locator('[data-lead]:has([data-state="replied"]) a').first().click();
    await page.waitForURL(/\/crm\/leads\/./);
  } else await page.goto(places.webUrl + path);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await context.close();
}
