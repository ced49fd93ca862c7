import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDatabase } from '../adapters/postgres/pool.ts';
import { type DemoTenant, seedTenant } from '../dev/seed/tenants.ts';
import { launchBrowser } from '../dev/stack/browser.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { demoStack } from './demo-stack.ts';

const stack = demoStack();
let browser: Browser;
let page: Page;
let newcomer: DemoTenant;

beforeAll(async () => {
  const owner = await connectDatabase(stack.places.ownerUrl);
  newcomer = await seedTenant(owner, stack.secrets.jwtSecret, {
    name: 'Estudio Palta',
    person: 'Noelia Paz',
    email: 'noelia@example.com',
    zone: 'America/Argentina/Buenos_Aires',
    country: 'AR',
    currency: 'ARS',
  });
  await owner.end();
  browser = await launchBrowser();
  const context = await browser.newContext({
    viewport: { width: 360, height: 780 },
    locale: 'es-AR',
    hasTouch: true,
    isMobile: true,
  });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
});
afterAll(() => browser.close());

/** Presses what bears these words, in the page or among its controls, whatever it is made of. */
const press = (words: string) =>
  page.locator('main').locator('button, a.btn').filter({ hasText: words }).first().click();
const nextStep = () => page.locator('#first-steps li[aria-current=step]');
/** Back on the hub by the bar at the foot, as a thumb does it. */
const toHub = async () => {
  await page.locator('.tabbar').getByText('Hub', { exact: true }).click();
  await page.waitForURL(/\/crm\/marketing$/);
};
/** An active form of a page that the newcomer connected. */
async function aFormOfTheirs(): Promise<string> {
  const pages = await asAdmin(stack.places.adminUrl, async (client) => {
    const text = 'SELECT page_id FROM pages WHERE tenant_id = $1 AND subscribed_at IS NOT NULL';
    return (await client.query<{ page_id: string }>(text, [newcomer.id])).rows.map((row) => row.page_id);
  });
  const world = (await (await fetch(`${stack.places.metaSimUrl}/_control/world`)).json()) as {
    forms: { id: string; page_id: string; status: string }[];
  };
  return world.forms.find((form) => pages.includes(form.page_id) && form.status === 'ACTIVE')?.id ?? '';
}

/** The page is as wide as the phone, and says so in Spanish. */
async function expectToFit(): Promise<void> {
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  expect(await page.locator('html').getAttribute('lang')).toBe('es');
}

describe('A person who begins, on a phone, in Spanish', () => {
  it('signs in and is told what to do first', async () => {
    await page.goto(stack.places.webUrl);
    await page.getByLabel('Correo').fill(newcomer.email);
    await page.getByLabel('Contraseña').fill(newcomer.password);
    await press('Entrar');
    await page.getByRole('heading', { name: 'Primeros pasos' }).waitFor();
    await expectToFit();
    expect(await nextStep().innerText()).toContain('Conectar Meta');
  });

  it('connects Meta by the words on each page', async () => {
    await press('Conectar cuenta de Meta');
    await page.getByRole('button', { name: 'Continue' }).click();
    for (const heading of ['Elegir portfolio', 'Cuentas publicitarias']) {
      await page.getByRole('heading', { name: heading }).waitFor();
      await expectToFit();
      await press('Continuar');
    }
    await press('Confirmar y guardar');
    await page.locator('.connection-status', { hasText: 'Conectado' }).waitFor();
    await toHub();
    expect(await nextStep().innerText()).toContain('Elegir el número de WhatsApp');
  });

  it('copies the webhook address, and sees that it was copied', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const field = page.locator('.field', { hasText: 'YCloud (WhatsApp)' });
    await field.getByRole('button').click();
    await field.getByText('Copiado').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(
      `${stack.places.webUrl}/webhook/ycloud/${newcomer.id}`,
    );
  });

  it('chooses the number; its approved templates come with it', async () => {
    await press('Elegir número');
    await page.getByRole('radio').first().check();
    await expectToFit();
    await press('Usar este número');
    await page.getByText('Sale del').waitFor();
    await toHub();
    expect(await nextStep().innerText()).toContain('Crear la primera regla');
  });

  it('writes the first rule', async () => {
    await press('Crear regla');
    await press('Crear regla');
    await page.getByLabel('Nombre').fill('Bienvenida');
    const approved = page.getByLabel('Plantilla').locator('option', { hasText: 'Aprobada' }).first();
    await page.getByLabel('Plantilla').selectOption((await approved.getAttribute('value')) ?? '');
    await expectToFit();
    await press('Guardar');
    for (const select of await page.getByLabel(/se completa con/).all()) await select.selectOption('first_name');
    await press('Guardar');
    await page.getByRole('heading', { name: 'Bienvenida' }).waitFor();
    await toHub();
    expect(await nextStep().innerText()).toContain('Recibir el primer lead');
  });

  it('receives the first lead, and the steps are over', async () => {
    const reply = await fetch(`${stack.places.metaSimUrl}/_control/leads`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ form_id: await aFormOfTheirs() }),
    });
    expect(reply.status).toBe(200);
    await expect
      .poll(
        async () => {
          await toHub();
          return page.locator('#first-steps').count();
        },
        { timeout: 30_000, interval: 1000 },
      )
      .toBe(0);
    await page.locator('#lead-feed a').first().waitFor();
    await expectToFit();
  });
});

describe('The same person, once it runs', () => {
  /** Through the navigation, a sheet behind "Más" on a phone. */
  async function goTo(words: string): Promise<void> {
    await page.locator('.tabbar').getByRole('button', { name: 'Más' }).click();
    await page.locator('#menu').getByRole('link', { name: words }).click();
  }
  const theirs = async (column: 'phone', table: 'leads' | 'whatsapp_senders') =>
    asAdmin(stack.places.adminUrl, async (client) => {
      const text = `SELECT ${column} FROM ${table} WHERE tenant_id = $1 LIMIT 1`;
      return (await client.query<{ phone: string }>(text, [newcomer.id])).rows[0]?.phone ?? '';
    });

  it('sees the rule’s message arrive at the lead, and answers the person', async () => {
    await page.locator('#lead-feed a').first().click();
    const thread = page.locator('#thread');
    await thread.getByText(/Entregado|Leído/).waitFor({ timeout: 60_000 });
    const said = {
      to: await theirs('phone', 'leads'),
      from: await theirs('phone', 'whatsapp_senders'),
      text: '¿Cuánto sale?',
    };
    await fetch(`${stack.places.ycloudSimUrl}/_control/replies`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(said),
    });
    await thread.getByText('¿Cuánto sale?').waitFor({ timeout: 60_000 });
    await page.getByLabel('Responder').fill('Desde 280.000 pesos.');
    await page.locator('#reply-form').getByRole('button', { name: 'Enviar' }).click();
    await page.locator('#thread').getByText('Desde 280.000 pesos.').waitFor();
    await expectToFit();
  });

  it('tries the rule on the last 30 days, without sending anything', async () => {
    await goTo('Automatizaciones');
    await page.locator('#rules').getByRole('link', { name: 'Bienvenida' }).click();
    await press('Probar sin enviar');
    await page.getByRole('heading', { name: 'Prueba sin enviar' }).waitFor();
    const result = await page.locator('#dry-run').innerText();
    expect(result).toMatch(/de \d+ personas? habrían? recibido el mensaje\. No se envió nada\./);
    await expectToFit();
  });

  it('creates a template, and watches it as a phone will show it', async () => {
    await goTo('Plantillas');
    await press('Crear plantilla');
    await page.getByLabel('Nombre interno').fill('aviso_turno');
    await page.getByLabel('Texto', { exact: true }).fill('Tu turno queda reservado. ¡Te esperamos!');
    await page.locator('#preview-phone').getByText('Tu turno queda reservado.').waitFor();
    await expectToFit();
    await press('Enviar a revisión');
    await page.getByText('aviso_turno').first().waitFor();
    await page.getByText('En revisión').first().waitFor();
  });
});
