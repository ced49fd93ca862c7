import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../dev/stack/browser.ts';
import { aLead } from './crm.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { aPerson } from './person.ts';
import { aRichTenant } from './rich-tenant.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

const devices = [
  { name: 'a phone', width: 360, height: 780, isMobile: true },
  { name: 'a desktop', width: 1440, height: 900, isMobile: false },
] as const;

let db: TestDatabase;
let app: WholeApp;
let browser: Browser;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe.each(devices)('A marketer on $name', ({ width, height, isMobile }) => {
  let page: Page;
  let tenantId: number;

  beforeAll(async () => {
    tenantId = await aTenant(db);
    await aLead(db, tenantId, { name: 'Lucía Fernández' });
    const { cookies } = await aPerson(app, db, tenantId, { locale: 'es' });
    const context = await browser.newContext({
      viewport: { width, height },
      isMobile,
      hasTouch: isMobile,
      locale: 'es-AR',
    });
    await context.addCookies([...cookies].map(([name, value]) => ({ name, value, url: app.url })));
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(app.url);
  });

  /** Through the navigation: on a phone it is a sheet behind "Más". */
  async function goTo(words: string): Promise<void> {
    if (isMobile) await page.locator('.tabbar').getByRole('button', { name: 'Más' }).click();
    await page.locator('#menu').getByRole('link', { name: words }).click();
  }
  const press = (words: string) =>
    page.locator('main').locator('button, a.btn').filter({ hasText: words }).first().click();

  it('opens an opportunity, and records its sale', async () => {
    await goTo('Oportunidades');
    await press('Crear oportunidad');
    await page.getByRole('radio').check();
    await page.getByLabel('Qué se ofrece').fill('Implante');
    await page.getByLabel('Monto').fill('280.000');
    await page.locator('dialog').getByRole('button', { name: 'Crear oportunidad' }).click();
    await page
      .getByRole('row', { name: /Implante/ })
      .getByText('Abierta')
      .waitFor();
    await page.getByRole('link', { name: 'Registrar venta de «Implante»' }).click();
    await page.locator('#sale').getByLabel('Monto').fill('280.000');
    await page.locator('#sale').getByRole('button', { name: 'Registrar venta' }).click();
    await page.getByText('Ganada').waitFor();
  });

  it('adds a credential, and is told beside the field what is wrong with it', async () => {
    await goTo('Configuración');
    await press('Agregar credencial');
    await page.getByLabel('Valor').fill('corta');
    await press('Probar y guardar');
    await page.getByText('Pegar el valor completo').waitFor();
    expect(await page.evaluate('document.activeElement?.id')).toBe('c-secret');
    await page.getByLabel('Valor').fill('una-clave-de-prueba-7f3a');
    await press('Probar y guardar');
    await page.getByText('termina en 7f3a').waitFor();
    expect(await page.content()).not.toContain('una-clave-de-prueba');
  });

  it('reads in the audit trail who did it', async () => {
    await goTo('Auditoría');
    await page.getByLabel('Qué', { exact: true }).selectOption({ label: 'Credenciales y claves' });
    await press('Filtrar');
    const row = page.locator('tr[data-event="credential.added"]');
    expect(await row.innerText()).toMatch(/Agregó una credencial[\s\S]*YCloud[\s\S]*Carla Domínguez/);
    expect(await page.locator('tr[data-event="sale.recorded"]').count()).toBe(0);
  });

  it('switches to English, for good', async () => {
    if (isMobile) await page.locator('.tabbar').getByRole('button', { name: 'Más' }).click();
    await page
      .locator('.langs')
      .getByRole('button', { name: /English/ })
      .click();
    await page.getByRole('heading', { name: 'Audit trail', level: 1 }).waitFor();
    await page.context().clearCookies({ name: 'hub_locale' });
    await page.reload();
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
  });

  it('leaves, and comes back to the page they were on', async () => {
    await page.goto(`${app.url}/crm/opportunities`);
    if (isMobile) await page.locator('.tabbar').getByRole('button', { name: 'More' }).click();
    await page.locator('#menu').getByRole('button', { name: 'Carla Domínguez' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/\/login/);
    await page.goto(`${app.url}/crm/opportunities`);
    await page.waitForURL(/\/login\?next=%2Fcrm%2Fopportunities/);
  });
});

describe.each(devices)('A marketer on $name who wants to know what works', ({ width, height, isMobile }) => {
  it('reads what came back, why, and finds the creative that sells best', async () => {
    const { tenantId } = await aRichTenant(app, db);
    const { cookies } = await aPerson(app, db, tenantId, { locale: 'es' });
    const context = await browser.newContext({ viewport: { width, height }, isMobile, hasTouch: isMobile });
    await context.addCookies([...cookies].map(([name, value]) => ({ name, value, url: app.url })));
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(app.url);
    const roi = page.locator('.kpi').filter({ hasText: 'ROI' }).locator('.value a');
    const shown = await roi.innerText();
    expect(shown).toMatch(/%$/);
    await roi.click();
    await page.getByRole('heading', { level: 1, name: /ROI/ }).waitFor();
    expect(await page.locator('main').innerText()).toContain(shown);
    await page.goBack();
    await page
      .locator('#creatives')
      .getByRole('link', { name: /Ver los/ })
      .click();
    await page.getByRole('heading', { name: 'Resultados por creativo', level: 1 }).waitFor();
    if (isMobile) {
      await page.getByLabel('Ordenar por').selectOption({ label: 'Por cada 1' });
      await page.getByRole('button', { name: 'Aplicar' }).click();
    } else await page.getByRole('link', { name: 'Por cada 1' }).click();
    await page.waitForURL(/sort=roas/);
    expect(await page.locator('tbody tr').first().innerText()).toContain('Sonrisa');
    const picture = page.locator('tbody tr img').first();
    await picture.scrollIntoViewIfNeeded();
    await page.waitForFunction("document.querySelector('tbody img')?.naturalWidth === 1");
    await page.getByRole('link', { name: 'Canales' }).click();
    await page.getByRole('heading', { name: 'Resultados por canal', level: 1 }).waitFor();
    await context.close();
  });
});
