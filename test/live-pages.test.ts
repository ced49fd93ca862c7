import type { Browser, Page, Route } from 'playwright-core';
import { sql } from 'slonik';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser } from '../dev/stack/browser.ts';
import { aConnection, aLead, aMessage, anAccount, aPage, aSubmission } from './crm.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { aPerson } from './person.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let browser: Browser;
let tenantId: number;
let problems: string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  browser = await launchBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  tenantId = await aTenant(db);
  await aConnection(db, tenantId);
  await anAccount(db, tenantId);
  problems = [];
});

/** A signed-in person's page, listening. */
async function openPage(
  path: string,
  given: { javaScriptEnabled?: boolean; prepare?: (page: Page) => Promise<unknown> } = {},
): Promise<Page> {
  const { javaScriptEnabled = true, prepare } = given;
  const { cookies } = await aPerson(app, db, tenantId);
  const context = await browser.newContext({ javaScriptEnabled, locale: 'en-US' });
  await context.addCookies([...cookies].map(([name, value]) => ({ name, value, url: app.url })));
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  await prepare?.(page);
  const listening = javaScriptEnabled ? page.waitForResponse(`${app.url}/events`) : undefined;
  await page.goto(app.url + path);
  await listening;
  return page;
}

/** A page whose first reload, the one that follows its connection, has read its answer and waits to show it until `answer` is called. */
async function openWhileReloading(path: string, region: string): Promise<{ page: Page; answer: () => void }> {
  const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const held = async (route: Route) => {
    const reply = await route.fetch();
    asked.resolve();
    await answered.promise;
    await route.fulfill({ response: reply });
  };
  const page = await openPage(path, { prepare: (made) => made.route(region, held, { times: 1 }) });
  await asked.promise;
  return { page, answer: answered.resolve };
}

/** Tells of a change and waits until the page has heard of it. */
async function heard(page: Page, topic: 'leads'): Promise<void> {
  await page.evaluate(`document.addEventListener('${topic}', () => document.body.classList.add('heard'))`);
  app.live.publish(tenantId, topic);
  await page.waitForSelector('body.heard');
}

describe('an open page', () => {
  it('shows a lead the moment it arrives, without a reload', async () => {
    const page = await openPage('/crm/marketing');
    expect(await page.locator('#lead-feed').innerText()).toContain('No lead has arrived yet');
    await aLead(db, tenantId, { name: 'Lucía <b>Fernández</b>' });
    app.live.publish(tenantId, 'leads');
    await page.locator('#lead-feed', { hasText: 'Lucía <b>Fernández</b>' }).waitFor();
    await aLead(db, tenantId, { name: 'Jorge' });
    app.live.publish(tenantId, 'leads'); // the swapped region still listens
    await page.locator('#lead-feed', { hasText: 'Jorge' }).waitFor();
    expect(problems).toEqual([]);
  });

  it('misses nothing that happens while it reloads', async () => {
    const { page, answer } = await openWhileReloading('/crm/marketing', '**/leads-feed');
    await aLead(db, tenantId, { name: 'Lucía' });
    await heard(page, 'leads');
    answer();
    await page.locator('#lead-feed', { hasText: 'Lucía' }).waitFor();
    expect(problems).toEqual([]);
  });

  it('of the comparison misses nothing either', async () => {
    await aPage(db, tenantId);
    const { page, answer } = await openWhileReloading('/crm/reconciliation', '**/reconciliation/forms');
    await app.stores.leadForms.saveCounts(tenantId, '500', [
      { formId: '900', name: 'Consulta', status: 'ACTIVE', leadsCount: 7 },
    ]);
    await heard(page, 'leads');
    answer();
    await page.locator('#reconciliation', { hasText: 'Meta 7' }).waitFor();
    expect(problems).toEqual([]);
  });

  it('of the list keeps its filter when it reloads', async () => {
    await aLead(db, tenantId, { name: 'Ana', status: 'customer' });
    const page = await openPage('/crm/leads?status=customer');
    await aLead(db, tenantId, { name: 'Beto', status: 'customer' });
    await aLead(db, tenantId, { name: 'Carla', status: 'new' });
    app.live.publish(tenantId, 'leads');
    await page.locator('#leads-list tbody', { hasText: 'Beto' }).waitFor();
    expect(await page.locator('#leads-list tbody').innerText()).not.toContain('Carla');
    expect(problems).toEqual([]);
  });

  it('of a lead shows the answer as it comes in', async () => {
    const leadId = await aLead(db, tenantId);
    const page = await openPage(`/crm/leads/${leadId}`);
    await aMessage(db, tenantId, leadId, { body: '¿Cuánto sale?' });
    app.live.publish(tenantId, 'messages');
    await page.locator('#thread', { hasText: '¿Cuánto sale?' }).waitFor();
    expect(problems).toEqual([]);
  });

  it('of a form shows how its last lead is read as a meaning is picked', async () => {
    await aPage(db, tenantId);
    const question = { key: 'contacto', label: '¿Dónde te llamamos?', type: 'CUSTOM', options: [] };
    await app.stores.leadForms.saveCounts(tenantId, '500', [
      { formId: '900', name: 'Consulta', status: 'ACTIVE', leadsCount: 1, questions: [question] },
    ]);
    await aSubmission(db, tenantId, '900', [{ name: 'contacto', values: ['011 5555-0142'] }]);
    const page = await openPage('/crm/forms/900');
    await page.selectOption('#q0', 'phone');
    await page.locator('#preview', { hasText: '+5491155550142' }).waitFor();
    expect([new URL(page.url()).pathname, await page.inputValue('#q0')]).toEqual(['/crm/forms/900', 'phone']);
    expect(await page.locator('#preview').count()).toBe(1);
    expect(problems).toEqual([]);
  });

  it('goes to the sign-in as a whole when its session ended, and back to where it was', async () => {
    const page = await openPage('/crm/leads?status=new');
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`DELETE FROM sessions WHERE tenant_id = ${tenantId}`),
    );
    app.live.publish(tenantId, 'leads');
    await page.waitForURL(`${app.url}/login?next=${encodeURIComponent('/crm/leads?status=new')}`);
    expect(await page.locator('form#sign-in').count()).toBe(1);
  });

  it('copies a webhook address', async () => {
    const page = await openPage('/crm/marketing');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('[data-copy="wh-meta"]');
    await page.locator('[data-copy="wh-meta"].copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`${app.config.PUBLIC_URL}/crm/webhook/meta`);
  });
});

describe.each([
  ['with', true],
  ['without', false],
])('%s script', (_, javaScriptEnabled) => {
  it('a person searches, opens a lead, moves it, and records a sale after a slip', async () => {
    await aLead(db, tenantId, { name: 'Lucía Fernández' });
    const page = await openPage('/crm/leads', { javaScriptEnabled });
    await page.fill('#q', 'lucía');
    await page.click('form[role=search] button');
    await page.click('text=Lucía Fernández');
    await page.selectOption('#stage', 'contacted');
    await page.click('#lead-status button');
    await page.waitForSelector('text=Moved to “Contacted”');
    await page.fill('#amount', 'a lot');
    await page.click('#sale button');
    await page.waitForSelector('#amount[aria-invalid=true]');
    expect(await page.inputValue('#amount')).toBe('a lot');
    await page.fill('#amount', '1,234.50');
    await page.click('#sale button');
    await page.waitForSelector('[data-sale]');
    expect(await page.locator('[data-sale]').innerText()).toContain('Sale of ARS\u00a01,234.50');
    expect(problems.filter((problem) => !/status of 422/.test(problem))).toEqual([]);
  });

  it('a person changes the language where they are', async () => {
    const page = await openPage('/crm/leads?status=new', { javaScriptEnabled });
    await page.click('nav.side button[lang=es]');
    await page.waitForSelector('html[lang=es]');
    expect(new URL(page.url()).search).toBe('?status=new');
  });
});
