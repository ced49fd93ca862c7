import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { type SeededBench, withStack } from './bench/stack.ts';
import type { DemoTenant } from './seed/tenants.ts';
import { launchBrowser } from './stack/browser.ts';
import { root } from './stack/locate.ts';

const folder = join(root, 'docs/images');
const QUALITY = 82;
const desktop = { width: 1280, height: 800, colorScheme: 'light' } as const;
const phone = { width: 360, height: 760, colorScheme: 'light' } as const;
const night = { colorScheme: 'dark' } as const;

interface Shot {
  name: string;
  /** An address, or what to press on the list of leads. */
  path: string;
  width: number;
  height: number;
  colorScheme: 'light' | 'dark';
  /** Which of the demo's tenants looks: the connected one, or the one that begins. */
  tenant?: 0 | 1;
}

/** The tour, stop by stop; docs/tour.md shows each in both languages. */
const shots: readonly Shot[] = [
  { name: 'first-steps', path: '/crm/marketing', ...phone, height: 1100, tenant: 1 },
  { name: 'hub', path: '/crm/marketing', ...desktop, height: 1180 },
  { name: 'hub-phone', path: '/crm/marketing', ...phone, ...night },
  { name: 'explain', path: '/crm/marketing/explain?figure=roi', ...desktop },
  { name: 'leads', path: '/crm/leads', ...desktop },
  { name: 'lead', path: 'newest lead', ...desktop, height: 900 },
  { name: 'opportunities', path: '/crm/opportunities?add', ...desktop },
  { name: 'rules', path: '/crm/marketing/automation-rules', ...desktop },
  { name: 'templates', path: '/crm/marketing/templates', ...desktop },
  { name: 'reconciliation', path: '/crm/reconciliation', ...desktop, ...night },
  { name: 'connection', path: '/crm/connection', ...desktop, height: 900 },
  { name: 'credentials', path: '/crm/settings/credentials', ...desktop },
  { name: 'company-phone', path: '/crm/settings/company', ...phone, ...night },
  { name: 'audit', path: '/crm/audit', ...desktop },
];
const locales = ['es-AR', 'en-US'] as const;

mkdirSync(folder, { recursive: true });
const browser = await launchBrowser();
const sessions: Awaited<ReturnType<typeof signedIn>>[] = [];
await withStack(async (bench) => {
  await aConversation(bench);
  for (const tenant of bench.tenants) sessions.push(await signedIn(browser, bench, tenant));
  for (const old of readdirSync(folder)) rmSync(join(folder, old));
  for (const locale of locales) for (const shot of shots) await take(browser, bench, shot, locale);
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
  { places }: SeededBench,
  { name, path, width, height, colorScheme, tenant = 0 }: Shot,
  locale: (typeof locales)[number],
): Promise<void> {
  const storageState = sessions[tenant];
  if (!storageState) throw new Error('nobody signed in');
  const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme, storageState });
  const page = await context.newPage();
  if (path === 'newest lead') {
    await page.goto(`${places.webUrl}/crm/leads`);
    await page.locator('[data-lead]:has([data-state="replied"]) a').first().click();
    await page.waitForURL(/\/crm\/leads\/./);
  } else await page.goto(places.webUrl + path);
  const picture = await webp(page);
  writeFileSync(join(folder, `${name}.${locale.slice(0, 2)}.webp`), picture);
  await context.close();
}

/** Once for each tenant: somebody who signs in for every picture is soon asked to wait. */
async function signedIn(browser: Browser, { places }: SeededBench, { email, password }: DemoTenant) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${places.webUrl}/login`);
  await page.fill('#email', email);
  await page.fill('#password', password);
  await page.click('#sign-in button[type=submit]');
  await page.waitForURL(/\/crm\/marketing/);
  const state = await context.storageState();
  await context.close();
  return state;
}

/** A third of a PNG's bytes; Playwright itself writes only PNG and JPEG. */
async function webp(page: Page): Promise<Buffer> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
  return Buffer.from(data, 'base64');
}
