import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTemplateDesk } from '../activities/templates.ts';
import { ruleBody } from '../adapters/postgres/rules.ts';
import { createYCloud } from '../adapters/ycloud/client.ts';
import { system } from '../domain/actor.ts';
import { startYCloudSimulator, type YCloudSimulator } from '../simulators/ycloud/server.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { silentLog } from '../test/silent-log.ts';
import { automationApiRoutes } from './automation-api.ts';
import { templateRoutes } from './templates.ts';

const KEY = 'ycloud-test-key';
const PAGE = '/crm/marketing/templates';
let db: TestDatabase;
let app: TestApp;
let simulator: YCloudSimulator;
let desk: ReturnType<typeof createTemplateDesk>;
let tenantId: number;
let person: Person;

beforeAll(async () => {
  db = await testDatabase();
  simulator = await startYCloudSimulator({ apiKeys: [KEY] });
  app = await testApp(
    db,
    ({ stores }) => {
      desk = createTemplateDesk({
        ...stores,
        credentials: { ycloudKey: async () => KEY },
        ycloud: createYCloud({ url: simulator.url, log: silentLog }),
        live: { publish: () => {}, subscribe: () => () => {} },
      });
      const deps = { templates: stores.templates, copyTemplates: desk.copy, createTemplate: desk.create };
      const rules = { rules: stores.rules, ruleTrials: stores.ruleTrials, wake: async () => {}, ruleBody };
      return [...automationApiRoutes({ ...deps, ...rules }), ...templateRoutes(deps)];
    },
    { MARKETING_RATE_LIMIT: '1000' },
  );
});
afterAll(() => simulator.close());
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'es' });
});

let made = 0;
const welcome = () => ({
  name: `bienvenida_nueva_${made++}`,
  category: 'UTILITY',
  language: 'es',
  body: 'Hola {{1}}, gracias por escribir.',
  sample1: 'Lucía',
  quick1: 'Sí, ese día',
});
const choose = async () => {
  const [phone] = await createYCloud({ url: simulator.url, log: silentLog }).phoneNumbers(KEY);
  if (!phone) throw new Error('no number');
  const { wabaId, phoneNumber } = phone;
  await app.stores.senders.choose(
    tenantId,
    { wabaId, phone: phoneNumber, status: 'CONNECTED', quality: 'GREEN' },
    system('test'),
  );
  return wabaId;
};
const text = async (path = '') => textOf(await (await person.get(PAGE + path)).text());

describe('the page of templates', () => {
  it('says what to do while there is none', async () => {
    expect(await text()).toContain('Todavía no hay plantillas');
  });

  it('reads them again when a person asks, and shows state, kind and quality', async () => {
    await choose();
    expect((await person.post(`${PAGE}/refreshes`)).status).toBe(303);
    const page = await text();
    for (const words of ['bienvenida_lead', 'Aprobada', 'Marketing', 'leídas']) expect(page).toContain(words);
  });

  it('is JSON for programs at the same address', async () => {
    await choose();
    await desk.copy(tenantId);
    const rows = await (await person.get(PAGE, { accept: 'application/json' })).json();
    expect(rows).toContainEqual(expect.objectContaining({ name: 'bienvenida_lead', status: 'APPROVED' }));
  });
});

describe('creating a template', () => {
  it('sends it to review and lists it, with an audit row', async () => {
    await choose();
    const template = welcome();
    expect((await person.post(PAGE, template)).headers.get('location')).toBe(PAGE);
    expect(await text()).toContain(`${template.name} Hola {{1}}, gracias por escribir. En revisión Utilidad es`);
    const [change] = await app.stores.systemEvents.changesOf(tenantId, { type: 'template', id: template.name });
    expect(change).toMatchObject({ name: 'template.created', actor_id: person.userId });
  });

  it('says what is wrong, keeps what was typed and sends nothing', async () => {
    await choose();
    const refused = await person.post(PAGE, { ...welcome(), name: 'Bienvenida Nueva', sample1: '' });
    const html = await refused.text();
    expect(refused.status).toBe(422);
    expect(textOf(html)).toContain('Solo minúsculas, números y guion bajo');
    expect(textOf(html)).toContain('Escribir un ejemplo');
    expect(html).toContain('value="Bienvenida Nueva"');
    expect(html).toContain('Hola {{1}}, gracias por escribir.</textarea>');
  });

  it('says that one of this name is there already', async () => {
    await choose();
    const template = welcome();
    await person.post(PAGE, template);
    const refused = await person.post(PAGE, template);
    expect([refused.status, textOf(await refused.text())]).toEqual([
      422,
      expect.stringContaining('Ya hay una plantilla'),
    ]);
  });

  it('says that a number must be chosen first', async () => {
    const refused = await person.post(PAGE, welcome());
    expect(textOf(await refused.text())).toContain('Primero elegir el número de WhatsApp');
  });

  it('is previewed as a phone shows it, markup as text', async () => {
    const preview = await person.post(`${PAGE}/preview`, {
      ...welcome(),
      header: '<b>Hola</b>',
      footer: 'Responder BAJA',
      linkText: 'Ver turnos',
      linkUrl: 'https://example.com',
    });
    const html = await preview.text();
    expect(html).toContain('Hola <span class="var">Lucía</span>, gracias');
    expect(html).toContain('&lt;b&gt;Hola');
    expect(textOf(html)).toContain('Responder BAJA Sí, ese día Ver turnos');
  });

  it('asks for a sample of each variable after "update", without sending', async () => {
    const html = await (
      await person.post(`${PAGE}/draft`, { ...welcome(), body: 'Hola {{1}}, el {{2}} a la tarde.' })
    ).text();
    expect(html).toContain('name="sample2"');
    expect(html).toContain('value="Lucía"');
  });
});

describe('a rule', () => {
  const step = { templateName: 'bienvenida_lead', language: 'es', variables: ['first_name' as const], waitMinutes: 0 };
  const aRule = async () => {
    const wabaId = await choose();
    await desk.copy(tenantId);
    const rule = { name: 'Bienvenida', trigger: 'new_lead' as const, conditions: {}, steps: [step], dailyCap: null };
    const { id } = await app.stores.rules.create(tenantId, rule, system('test'));
    const [template] = await createYCloud({ url: simulator.url, log: silentLog })
      .templates(KEY, wabaId)
      .then((all) => all.filter(({ name, language }) => name === 'bienvenida_lead' && language === 'es'));
    if (!template) throw new Error('no template');
    const copy = { ...template, quality: null, metaTemplateId: template.officialTemplateId ?? null };
    return { id, wabaId, copy };
  };
  const saveWhole = (wabaId: string, copies: Parameters<typeof app.stores.templates.saveWhole>[2]) =>
    app.stores.templates.saveWhole(tenantId, wabaId, copies, system('test'));
  const ruleOf = async (id: string) => (await app.stores.rules.byId(tenantId, id)).rule;

  it.each([
    ['template_paused', { status: 'PAUSED' }],
    ['template_rejected', { status: 'REJECTED' }],
    ['template_disabled', { status: 'DISABLED' }],
    ['template_recategorised', { category: 'UTILITY' }],
    ['template_variables_changed', { components: [{ type: 'BODY', text: 'Hola {{1}}, el {{2}} te esperamos' }] }],
  ])('stops with its reason: %s', async (reason, change) => {
    const { id, wabaId, copy } = await aRule();
    await saveWhole(wabaId, [{ ...copy, ...change }]);
    expect(await ruleOf(id)).toMatchObject({ is_active: false, stopped_reason: reason });
    const [event] = await app.stores.systemEvents.changesOf(tenantId, { type: 'automation_rule', id });
    expect(event).toMatchObject({ name: 'automation_rule.stopped', details: { reason } });
  });

  it('stops when its template is deleted, and once', async () => {
    const { id, wabaId } = await aRule();
    await saveWhole(wabaId, []);
    expect(await ruleOf(id)).toMatchObject({ is_active: false, stopped_reason: 'template_gone' });
    await app.stores.rules.activate(tenantId, id, system('test'));
    await saveWhole(wabaId, []);
    expect(await ruleOf(id)).toMatchObject({ is_active: true });
  });

  it('goes on when nothing that matters changed, or another template did', async () => {
    const { id, wabaId, copy } = await aRule();
    await saveWhole(wabaId, [
      { ...copy, quality: 'YELLOW', components: [{ type: 'BODY', text: 'Buenas {{1}}, gracias' }] },
      { ...copy, name: 'otra', status: 'REJECTED', metaTemplateId: null },
    ]);
    await saveWhole(wabaId, [copy]);
    expect(await ruleOf(id)).toMatchObject({ is_active: true, stopped_reason: null });
  });
});
