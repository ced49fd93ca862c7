import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../dev/stack/browser.ts';
import { aCampaign, aConnection, aLead, aMessage, anAccount, aTouch } from './crm.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { unbalancedIn } from './html.ts';
import { aPerson } from './person.ts';
import { aRichTenant } from './rich-tenant.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const looseEnds = readFileSync(join(import.meta.dirname, 'loose-ends.js'), 'utf8');
const looks = [
  { width: 360, locale: 'es', colorScheme: 'dark' },
  { width: 1440, locale: 'en', colorScheme: 'light' },
] as const;
type Look = (typeof looks)[number];

let db: TestDatabase;
let app: WholeApp;
let browser: Browser;
let rich: { tenantId: number; leadId: string };
let empty: number;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  rich = await aRichTenant(app, db);
  empty = await aTenant(db);
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** Opens the page in a browser of its own; gives what is wrong with it. */
async function faultsOf(path: string, look: Look, tenantId: number | null, act?: (page: Page) => Promise<unknown>) {
  const { width, locale, colorScheme } = look;
  const context = await browser.newContext({ viewport: { width, height: 900 }, locale, colorScheme });
  if (tenantId !== null) {
    const { cookies } = await aPerson(app, db, tenantId, { locale });
    await context.addCookies([...cookies].map(([name, value]) => ({ name, value, url: app.url })));
  }
  const page = await context.newPage();
  const faults: unknown[] = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  const reply = await page.goto(app.url + path);
  const html = (await reply?.text()) ?? '';
  if (reply && reply.status() >= 400) faults.length = 0; // the browser notes the status itself
  await act?.(page);
  faults.push(...unbalancedIn(html));
  faults.push(...(await brokenRules(page)), ...(await page.evaluate<string[]>(looseEnds)));
  await context.close();
  return faults;
}

/** The debugger may evaluate what the page's own policy would not let in. */
async function brokenRules(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>("axe.run(document, { resultTypes: ['violations'] })");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
  );
}

describe.each(looks)('at $width px, in $locale, $colorScheme', (look) => {
  it.each(['/login', '/password?asked', '/password/new', '/legal', '/nothing'])(
    '%s is whole and accessible to a visitor',
    async (path) => {
      expect(await faultsOf(path, look, null)).toEqual([]);
    },
  );

  it.each([
    '/crm/marketing',
    '/crm/leads',
    '/crm/unconfirmed',
    '/crm/sending',
    '/crm/marketing/automation-rules',
    '/crm/marketing/automation-rules/new',
    '/crm/marketing/automation-logs',
    '/crm/marketing/templates',
    '/crm/marketing/templates/new',
    '/crm/reconciliation',
    '/crm/inbox',
    '/crm/forms',
    '/crm/opportunities',
    '/crm/settings/credentials',
    '/crm/settings/whatsapp',
    '/crm/settings/api-keys',
    '/crm/audit?topic=whatsapp',
    '/crm/connection',
  ])('%s is, with nothing to show yet', async (path) => {
    expect(await faultsOf(path, look, empty)).toEqual([]);
  });

  it.each([
    '/crm/marketing',
    '/crm/marketing?days=7&currency=USD&view=cohort&model=linear',
    '/crm/marketing?days=7&currency=all',
    '/crm/marketing?account=101&model=linear',
    '/crm/marketing/breakdown?by=creative&account=100',
    '/crm/marketing/breakdown?by=field&view=cohort',
    '/crm/marketing/explain?figure=roi&days=30&currency=ARS',
    '/crm/marketing/explain?figure=spend&account=101&currency=all',
    '/crm/marketing/campaigns/200?days=60',
    '/crm/marketing/campaigns/200/messages?days=60',
    '/crm/marketing/sync',
    '/crm/marketing/rates',
    '/crm/sales/imports',
    '/crm/marketing/explain?figure=costPerLead&days=90&currency=all&model=linear',
    '/crm/leads',
    '/crm/leads?status=not_interested',
    '/crm/leads?seller=none',
    '/crm/unconfirmed',
    '/crm/sending',
    '/crm/marketing/automation-rules',
    '/crm/marketing/automation-rules/new',
    '/crm/marketing/automation-logs',
    '/crm/marketing/automation-logs?status=skipped',
    '/crm/marketing/templates',
    '/crm/reconciliation',
    '/crm/inbox',
    '/crm/inbox?state=pending',
    '/crm/forms',
    '/crm/forms/900',
    '/crm/forms/901',
    '/crm/leads/new',
    '/crm/leads/import',
    '/crm/sellers',
    '/crm/connection',
    '/crm/opportunities',
    '/crm/opportunities?add',
    '/crm/settings/credentials?add',
    '/crm/settings/team?invite',
    '/crm/settings/company',
    '/crm/settings/retention?months=12',
    '/crm/settings/api-keys?add',
    '/crm/audit',
    '/crm/audit?kind=access',
    '/crm/connection/disconnect',
  ])('%s is, with much to show', async (path) => {
    expect(await faultsOf(path, look, rich.tenantId)).toEqual([]);
  });

  it('a rule being tried, a paused one and the question before sending again are', async () => {
    const [rule] = await app.stores.rules.overview(rich.tenantId);
    const paused = (await app.stores.rules.listForTenant(rich.tenantId)).find((each) => !each.is_active);
    const [doubt] = await app.stores.unconfirmedMessages.open(rich.tenantId);
    const tryIt = async (page: Page) => {
      await page.click('button[value=try]');
      await page.waitForSelector('#dry-run');
    };
    const page = (id = '') => `/crm/marketing/automation-rules/${id}`;
    // Templates are shown with their placeholders.
    const faults = [
      ...(await faultsOf(page(rule?.id), look, rich.tenantId, tryIt)),
      ...(await faultsOf(page(paused?.id), look, rich.tenantId)),
    ];
    expect(faults.filter((fault) => fault !== '{{')).toEqual([]);
    expect(await faultsOf(`/crm/unconfirmed/${doubt?.id}/again`, look, rich.tenantId)).toEqual([]);
  });

  it("a lead's page is, also after a refused form", async () => {
    const path = `/crm/leads/${rich.leadId}`;
    for (const address of [path, `${path}?erase`]) expect(await faultsOf(address, look, rich.tenantId)).toEqual([]);
    const refused = async (page: Page) => {
      await page.fill('#amount', 'a lot');
      await page.click('#sale button[type=submit]');
      await page.waitForSelector('#amount[aria-invalid=true]');
    };
    const faults = await faultsOf(path, look, rich.tenantId, refused);
    expect(faults.filter((fault) => !/status of 422/.test(String(fault)))).toEqual([]);
  });

  it('a file of leads is, looked at and added', async () => {
    const check = async (page: Page) => {
      await page.fill('#csv', `Nombre;Correo;${'x'.repeat(150)}\n${'y'.repeat(150)};p${look.width}@example.com;z\n;;z`);
      await page.click('#import button[type=submit]');
      await page.waitForSelector('h3');
    };
    expect(await faultsOf('/crm/leads/import', look, rich.tenantId, check)).toEqual([]);
    const add = async (page: Page) => {
      await check(page);
      await page.click('#import button[type=submit]');
      await page.waitForSelector('[data-line]');
    };
    expect(await faultsOf('/crm/leads/import', look, rich.tenantId, add)).toEqual([]);
  });

  it('names without end, and without a place to break, fit in', async () => {
    const tenantId = await aTenant(db, { name: 'W'.repeat(200) });
    await aConnection(db, tenantId);
    await anAccount(db, tenantId);
    const endless = `\u202e${'x'.repeat(10_000)}`;
    await aCampaign(db, tenantId, { name: endless });
    const leadId = await aLead(db, tenantId, {
      name: endless,
      email: endless,
      phone: null,
      answers: [{ name: endless, values: [endless] }],
    });
    await aTouch(db, tenantId, leadId);
    await aMessage(db, tenantId, leadId, { body: endless, state: 'unconfirmed' });
    for (const path of ['/crm/marketing', '/crm/leads', `/crm/leads/${leadId}`, '/crm/unconfirmed'])
      expect([path, ...(await faultsOf(path, look, tenantId))]).toEqual([path]);
  });
});
