import { HtmlValidate } from 'html-validate';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../dev/stack/browser.ts';
import { aCampaign, aConnection, aDay, aLead, aMessage, anAccount, aTouch } from './crm.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { textOf } from './html.ts';
import { aPerson, type Person } from './person.ts';
import { aRichTenant } from './rich-tenant.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

// Days of the week are ticked in one field of several boxes, as forms without script do it.
const shared = ['radio', 'button', 'reset', 'submit', 'checkbox'];
const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: { 'form-dup-name': ['error', { shared }] },
});
let db: TestDatabase;
let app: WholeApp;
let browser: Browser;
let person: Person;
let newcomer: Person;
let leadId: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  const rich = await aRichTenant(app, db);
  leadId = rich.leadId;
  person = await aPerson(app, db, rich.tenantId, { locale: 'es' });
  newcomer = await aPerson(app, db, await aTenant(db), { locale: 'en' });
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The pages and fragments of the permission table whose address has no blank, and those with a dialog or a person in it. */
const addresses = () => [
  ...app.routes
    .filter(({ method, access, path }) => method === 'get' && access !== 'provider' && !/:|^\/api\//.test(path))
    .map(({ path }) => path),
  `/crm/leads/${leadId}`,
  `/crm/leads/${leadId}?erase`,
  '/crm/opportunities?add',
  '/crm/settings/credentials?add',
  '/crm/settings/team?invite',
  `/crm/settings/team?disable=${newcomer.userId}`,
  '/crm/settings/retention?months=12',
  '/crm/settings/api-keys?add',
  '/crm/audit?kind=access',
  '/nothing',
];

/** Evaluated in a page: buttons that are shown and that only a script could make do something. */
const deadButtons = `[...document.querySelectorAll('button')]
  .filter((button) => button.checkVisibility() && !button.hasAttribute('popovertarget'))
  .filter((button) => !(button.type === 'submit' && button.form?.hasAttribute('action')))
  .map((button) => button.outerHTML.slice(0, 120))`;

/** The HTML that stands at an address; undefined where it answers with something else. */
async function htmlAt(path: string, who: Pick<Person, 'get'>): Promise<string | undefined> {
  const reply = await who.get(path);
  const isHtml = reply.headers.get('content-type')?.startsWith('text/html') && reply.status !== 303;
  return isHtml ? reply.text() : undefined;
}

async function faultsIn(html: string): Promise<string[]> {
  const page = html.includes('<html')
    ? html
    : `<!DOCTYPE html><html lang="en"><head><title>-</title></head><body><h1>-</h1><h2>-</h2>${html}</body></html>`;
  const { results } = await validator.validateString(page);
  return results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`));
}

describe('every page', () => {
  it('is valid HTML, with much to show and with nothing, to visitors too', async () => {
    const visitor = {
      get: (path: string) => fetch(app.url + path, { redirect: 'manual', headers: { accept: 'text/html' } }),
    };
    const found: string[][] = [];
    let count = 0;
    for (const path of addresses())
      for (const who of [person, newcomer, visitor]) {
        const html = await htmlAt(path, who);
        if (html === undefined) continue;
        count += 1;
        const faults = await faultsIn(html);
        if (faults.length > 0) found.push([path, ...new Set(faults)]);
      }
    expect(found).toEqual([]);
    expect(count).toBeGreaterThan(40);
  });

  it('is valid HTML after a refused form', async () => {
    const refused = [
      ['/crm/settings/credentials', { kind: 'x', secret: '' }],
      ['/crm/settings/team', { name: '', email: '', locale: 'x' }],
      ['/crm/settings/company', { name: '', quietFrom: '09:00' }],
      ['/crm/settings/api-keys', { name: '' }],
      [`/crm/leads/${leadId}/sales`, { amount: 'x', currency: '' }],
      ['/crm/opportunities', { name: '', value: 'x' }],
      ['/password/new', { code: 'x', password: 'x' }],
    ] as const;
    for (const [path, fields] of refused) {
      const reply = await person.post(path, fields);
      expect([path, reply.status, await faultsIn(await reply.text())]).toEqual([path, 422, []]);
    }
  });

  it('is whole without JavaScript: every control leads somewhere by itself', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 780 } });
    await context.addCookies([...person.cookies].map(([name, value]) => ({ name, value, url: app.url })));
    const page = await context.newPage();
    for (const path of addresses()) {
      const html = await htmlAt(path, person);
      if (!html?.includes('<html')) continue;
      await page.goto(app.url + path);
      expect([path, await page.locator('h1').count()]).toEqual([path, 1]);
      expect([path, await page.locator('h1').isVisible()]).toEqual([path, true]);
      const dead = await page.evaluate<string[]>(deadButtons);
      expect([path, dead]).toEqual([path, []]);
    }
    await context.close();
  });

  it('shows a dialog in its place without JavaScript, and above the page with it', async () => {
    for (const javaScriptEnabled of [false, true]) {
      const context = await browser.newContext({ javaScriptEnabled });
      await context.addCookies([...person.cookies].map(([name, value]) => ({ name, value, url: app.url })));
      const page = await context.newPage();
      await page.goto(`${app.url}/crm/settings/api-keys`);
      await page.click('a[href$="?add"]');
      await page.fill('dialog #k-name', 'Planilla');
      expect(await page.locator('dialog:modal').count()).toBe(javaScriptEnabled ? 1 : 0);
      await page.click('dialog button[type=submit]');
      expect(await page.locator('dialog output').innerText()).toMatch(/^hub_api_/);
      if (javaScriptEnabled) {
        await page.keyboard.press('Escape');
        await page.waitForFunction("document.querySelector('dialog[open]') === null");
        await page.goto(`${app.url}/crm/settings/api-keys?add`);
        await page.keyboard.press('Escape');
        await page.waitForURL(`${app.url}/crm/settings/api-keys`);
      }
      await context.close();
    }
  });
});

describe('what others write', () => {
  const markup = '"><script>window.taken=1</script><img src=x onerror="window.taken=1"><b>';
  const hostile = `${markup}\u202e مرحبا 👩‍👩‍👧 <%= 7 * 7 %> {{t}} javascript:alert(1) ${'k'.repeat(10_000)}`;

  it('is shown as it was written and does nothing', async () => {
    const tenantId = await aTenant(db, { name: hostile.slice(0, 500) });
    await aConnection(db, tenantId);
    await anAccount(db, tenantId, { name: hostile });
    await aCampaign(db, tenantId, { name: hostile });
    await aDay(db, tenantId, new Date().toISOString().slice(0, 10));
    const id = await aLead(db, tenantId, {
      name: hostile,
      email: hostile,
      answers: [{ name: hostile, values: [hostile] }],
    });
    await aTouch(db, tenantId, id);
    await aMessage(db, tenantId, id, { body: hostile });
    await aMessage(db, tenantId, id, { body: hostile, state: 'unconfirmed' });
    await app.stores.sales.openOpportunity(
      tenantId,
      id,
      { name: hostile.slice(0, 200), value: '1', currency: 'ARS' },
      { type: 'system', id: 'test' },
    );
    const reader = await aPerson(app, db, tenantId);
    const context = await browser.newContext({ viewport: { width: 360, height: 780 } });
    await context.addCookies([...reader.cookies].map(([name, value]) => ({ name, value, url: app.url })));
    const page = await context.newPage();
    const refusals: string[] = [];
    page.on('console', (message) => /Content Security Policy/.test(message.text()) && refusals.push(message.text()));
    const paths = addresses()
      .filter((path) => !path.includes(leadId))
      .concat(`/crm/leads/${id}`);
    for (const path of paths) {
      const html = await htmlAt(path, reader);
      if (!html?.includes('<html')) continue;
      await page.goto(app.url + path);
      const done = await page.evaluate<unknown[]>(
        "[String(window.taken), document.querySelectorAll('img[src=x], main script').length]",
      );
      expect([path, ...done]).toEqual([path, 'undefined', 0]);
    }
    expect(refusals).toEqual([]);
    for (const path of ['/crm/marketing', '/crm/leads', `/crm/leads/${id}`, '/crm/unconfirmed'])
      expect([path, textOf((await htmlAt(path, reader)) ?? '').includes('<script>window.taken=1</script>')]).toEqual([
        path,
        true,
      ]);
    expect(textOf((await htmlAt(`/crm/leads/${id}`, reader)) ?? '')).toContain('<%= 7 * 7 %> {{t}}');
    await context.close();
  });
});
