import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { insertConsents } from '../adapters/postgres/consents.ts';
import { ruleBody } from '../adapters/postgres/rules.ts';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aCampaign, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { automationApiRoutes } from './automation-api.ts';
import { ruleRoutes } from './rules.ts';

const PAGE = '/crm/marketing/automation-rules';
let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let woken: string[];

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(
    db,
    ({ stores }) => {
      const deps = {
        rules: stores.rules,
        ruleTrials: stores.ruleTrials,
        wake: async (ids: readonly string[]) => void woken.push(...ids),
      };
      return [
        ...automationApiRoutes({
          ...deps,
          templates: stores.templates,
          ruleBody,
          copyTemplates: async () => {},
          createTemplate: async () => {},
        }),
        ...ruleRoutes(deps),
      ];
    },
    { MARKETING_RATE_LIMIT: '1000' },
  );
});
beforeEach(async () => {
  woken = [];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'es' });
  await db.database.inTenant(tenantId, async (tx) => {
    await tx.query(sql.unsafe`
      INSERT INTO whatsapp_senders (tenant_id, waba_id, phone, is_default) VALUES (${tenantId}, '900', '+541155550001', true)`);
    for (const [id, name, status, components] of [
      ['1', 'bienvenida', 'APPROVED', [{ type: 'BODY', text: 'Hola {{1}}, sobre {{2}}.' }]],
      ['2', 'recordatorio', 'APPROVED', [{ type: 'BODY', text: 'Seguimos acá' }]],
      ['3', 'pausada', 'PAUSED', [{ type: 'BODY', text: 'Hola' }]],
      [
        '4',
        'con_foto',
        'APPROVED',
        [
          { type: 'HEADER', format: 'IMAGE' },
          { type: 'BODY', text: 'Hola' },
        ],
      ],
    ] as const)
      await tx.query(sql.unsafe`
        INSERT INTO meta_templates (tenant_id, meta_template_id, waba_id, name, category, language, status, components)
        VALUES (${tenantId}, ${id}, '900', ${name}, 'MARKETING', 'es', ${status}, ${sql.jsonb(components as never)})`);
  });
});

const welcome = {
  name: 'Bienvenida',
  trigger: 'new_lead',
  steps: '1',
  s0_wait: '15',
  s0_unit: 'm',
  s0_template: 'bienvenida|es',
  s0_v1: 'first_name',
  s0_v2: 'campaign_name',
};
const get = async (path = '') => (await person.get(PAGE + path)).text();
const text = async (path = '') => textOf(await get(path));
const make = async (given: Record<string, string> = {}) => {
  const reply = await person.post(PAGE, { ...welcome, ...given });
  if (reply.status !== 303) throw new Error(textOf(await reply.text()));
  return reply.headers.get('location') ?? '';
};
const stored = async () => (await app.stores.rules.listForTenant(tenantId))[0];

describe('the list of rules', () => {
  it('offers to make the first one', async () => {
    expect(await text()).toContain('Todavía no hay reglas');
  });

  it('says each rule in one sentence', async () => {
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId, { name: 'Implantes <b>' });
    await make({ campaign: '200' });
    expect(await text()).toContain(
      'Cuando llegue un lead de la campaña Implantes <b> , esperar 15 minutos y enviarle bienvenida . Termina con la respuesta.',
    );
    expect(await get()).not.toContain('Implantes <b>');
  });

  it('is JSON for programs at the same address', async () => {
    await make();
    const reply = await person.get(PAGE, { accept: 'application/json' });
    expect(await reply.json()).toMatchObject([{ name: 'Bienvenida', action_type: 'send_template' }]);
  });
});

describe('the editor', () => {
  it('makes steps that set a status or tell the team, counts them when they are tried, and says them', async () => {
    const steps = {
      steps: '3',
      s1_do: 'status',
      s1_status: 'contacted',
      s1_wait: '2',
      s1_unit: 'd',
      s2_do: 'notify',
      s2_notify: 'team',
    };
    const location = await make(steps);
    expect((await stored())?.action_config).toMatchObject({
      steps: [
        { templateName: 'bienvenida' },
        { setStatus: 'contacted', waitMinutes: 2880 },
        { notify: 'team', waitMinutes: 0 },
      ],
    });
    expect(await text()).toContain(
      'si no responde, a los 2 días pasarlo a « Contactado », avisar a todo el equipo . Se detiene',
    );
    const page = await get(location.slice(PAGE.length));
    expect(page).toMatch(/name="s1_do"><option value="message">[^<]*<\/option><option value="status" selected>/);
    await aLead(db, tenantId, { name: 'Lucía Fernández' });
    const tried = textOf(
      await (
        await person.post(`${PAGE}/draft`, { ...welcome, ...steps, s0_do: 'notify', steps: '2', do: 'try' })
      ).text(),
    );
    for (const words of [
      '1 cambio de estado como máximo',
      '1 aviso al equipo como máximo',
      'Habría hecho sus pasos con 1 de 1',
    ])
      expect([words, tried.includes(words)]).toEqual([words, true]);
    const wrong = await person.post(PAGE, { ...welcome, s0_do: 'status' });
    expect([wrong.status, textOf(await wrong.text()).includes('Elegir el estado nuevo')]).toEqual([422, true]);
  });

  it('makes a reminder of a date, says it in one sentence, and refuses one before anybody arrived', async () => {
    const reminder = { trigger: 'reminder', r_date: 'expected', r_side: 'before', r_hours: '24' };
    const location = await make({ ...reminder, s0_wait: '0' });
    expect(await stored()).toMatchObject({
      trigger_type: 'reminder',
      trigger_conditions: { remind: { date: 'expected', side: 'before', hours: 24 } },
    });
    expect(await text()).toContain('1 día antes de la fecha prevista de una oportunidad , enviarle bienvenida');
    expect(await get(location.slice(PAGE.length))).toContain('name="r_hours" value="24"');
    for (const [wrong, words] of [
      [{ r_hours: 'mañana' }, 'Escribir horas, de 0 a 8.760'],
      [{ r_date: 'arrived' }, 'elegir «después»'],
    ] as const) {
      const reply = await person.post(PAGE, { ...welcome, ...reminder, ...wrong });
      expect([reply.status, textOf(await reply.text()).includes(words)]).toEqual([422, true]);
    }
  });

  it('saves what was typed, with an audit row', async () => {
    const location = await make({ cap: '50' });
    expect(await stored()).toMatchObject({
      name: 'Bienvenida',
      daily_cap: 50,
      action_config: { templateName: 'bienvenida', waitMinutes: 15, variables: ['first_name', 'campaign_name'] },
    });
    const id = location.split('/').at(-1) ?? '';
    const [change] = await app.stores.systemEvents.changesOf(tenantId, { type: 'automation_rule', id });
    expect(change).toMatchObject({ name: 'automation_rule.created', actor_id: person.userId });
    expect(await get(`/${id}`)).toContain('value="15"');
  });

  it('asks for the variables of the template that was chosen', async () => {
    const reply = await person.post(`${PAGE}/draft`, { ...welcome, s0_v1: '', s0_v2: '', do: 'try' });
    const html = await reply.text();
    expect(html).toContain('name="s0_v1"');
    expect(html).toContain('name="s0_v2"');
    expect(html).toContain('Hola {{1}}, sobre {{2}}.');
  });

  it.each([
    ['no name', { name: ' ' }, 'Escribir un nombre'],
    ['a wait that is no number', { s0_wait: 'mucho' }, 'Escribir un número entero de minutos'],
    ['no template', { s0_template: '' }, 'Elegir una plantilla'],
    ['a template that is paused', { s0_template: 'pausada|es' }, 'la plantilla no está aprobada'],
    ['a template with a picture', { s0_template: 'con_foto|es' }, 'la plantilla pide un archivo'],
    ['a variable without words', { s0_v2: 'text', s0_t2: ' ' }, 'Escribir el texto'],
    ['a variable that nothing fills', { s0_v2: '' }, 'Elegir con qué se completa'],
    ['no status to change to', { trigger: 'status_change' }, 'Elegir el estado que la inicia'],
    ['no hours', { trigger: 'no_reply', hours: '0' }, 'Escribir horas'],
    ['no words', { trigger: 'keyword', words: ' , ' }, 'Escribir de 1 a 20 palabras'],
    ['a cap that is no number', { cap: 'dos' }, 'Escribir un número entero, o dejarlo vacío'],
  ])('refuses %s, in words, and keeps what was typed', async (_, given, words) => {
    const reply = await person.post(PAGE, { ...welcome, ...given });
    const html = await reply.text();
    expect(reply.status).toBe(422);
    expect(textOf(html)).toContain(words);
    expect(html).toContain('name="s0_wait"');
    expect(await stored()).toBeUndefined();
  });

  it('adds and removes messages without losing a word, and saves a sequence', async () => {
    const second = { s1_wait: '2', s1_unit: 'd', s1_template: 'recordatorio|es' };
    const added = await (await person.post(`${PAGE}/draft`, { ...welcome, do: 'add' })).text();
    expect(added).toContain('name="s1_template"');
    expect(added).toContain('value="Bienvenida"');
    const removed = await (
      await person.post(`${PAGE}/draft`, { ...welcome, ...second, steps: '2', do: 'remove' })
    ).text();
    expect(removed).not.toContain('name="s1_template"');
    const location = await make({ ...second, steps: '2' });
    expect(await stored()).toMatchObject({
      action_type: 'sequence',
      action_config: { steps: [{ waitMinutes: 15 }, { waitMinutes: 2880 }] },
    });
    expect(textOf(await (await person.get(location)).text())).toContain(
      'si no responde, a los 2 días enviarle recordatorio',
    );
  });

  it('says the sentence of what is typed, without saving', async () => {
    const reply = await person.post(`${PAGE}/sentence`, { ...welcome, trigger: 'keyword', words: 'precio, turno' });
    expect(textOf(await reply.text())).toContain('Cuando un lead escriba una de estas palabras: precio, turno');
    expect(await stored()).toBeUndefined();
  });

  it('edits make a new version; who saves an old one is told', async () => {
    const location = await make();
    const saved = await person.post(location, { ...welcome, name: 'Otra', version: '1' });
    expect([saved.status, (await stored())?.version, (await stored())?.name]).toEqual([303, 2, 'Otra']);
    const late = await person.post(location, { ...welcome, name: 'Tercera', version: '1' });
    expect(late.status).toBe(422);
    expect(await late.text()).toContain('Alguien guardó esta regla mientras tanto');
    expect((await stored())?.name).toBe('Otra');
  });

  it('shows no other tenant’s rule', async () => {
    const location = await make();
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.get(location)).status).toBe(404);
    expect((await stranger.post(location, { ...welcome, version: '1' })).status).toBe(404);
    expect((await stranger.post(`${location}/pause`)).status).toBe(303);
    expect((await stored())?.is_active).toBe(true);
  });
});

describe('trying without sending', () => {
  const someone = async (given: Parameters<typeof aLead>[2]) => {
    const leadId = await aLead(db, tenantId, given);
    await aTouch(db, tenantId, leadId);
    return leadId;
  };
  beforeEach(async () => {
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId);
  });
  const tryIt = async (given: Record<string, string> = {}) =>
    textOf(await (await person.post(`${PAGE}/draft`, { ...welcome, do: 'try', ...given })).text());

  it('counts who would have got it in 30 days, and why others not', async () => {
    await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202', name: 'Ana Paz' });
    await someone({ phone: '+5491155550202', name: 'Ana otra vez' });
    await someone({ phone: null });
    await someone({ phone: '+5491155550204', isTest: true });
    await someone({ phone: '+5491155550205' });
    await someone({ phone: '+5491155550206', name: null });
    await someone({ phone: '+5491155550207', at: new Date(Date.now() - 40 * 86_400_000) });
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO suppressions (tenant_id, phone, source) VALUES (${tenantId}, '+5491155550205', 'stop_word')`,
      ),
    );
    const result = await tryIt();
    expect(result).toContain('2 de 7 personas habrían recibido el mensaje. No se envió nada.');
    for (const reason of [
      'llegó al tope',
      'sin teléfono',
      'lead de prueba',
      'pidió no recibir más',
      'falta un dato variable',
    ])
      expect(result).toContain(`1 no: ${reason}`);
    expect(result).toContain('costo desconocido');
    const sent = await db.database.inTenant(tenantId, (tx) => tx.any(sql.unsafe`SELECT FROM outbound_messages`));
    expect([sent.length, await stored()]).toEqual([0, undefined]);
  });

  it('leaves out who left the WhatsApp box unticked, where the template advertises and the tenant heeds it', async () => {
    const leadId = await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202' });
    await db.database.inTenant(tenantId, (tx) =>
      insertConsents(tx, tenantId, leadId, {
        ...{ leadgenId: 'l-1', formId: null, submittedAt: new Date() },
        disclaimers: [{ key: 'acepta_whatsapp', isChecked: false }],
      }),
    );
    const change = (statement: ReturnType<typeof sql.unsafe>) =>
      db.database.inTenant(tenantId, (tx) => tx.query(statement));
    expect(await tryIt()).toMatch(/1 de 2 personas habrían.*1 no: dejó sin marcar la casilla de WhatsApp/);
    await change(sql.unsafe`UPDATE meta_templates SET category = 'UTILITY' WHERE tenant_id = ${tenantId}`);
    expect(await tryIt()).toContain('2 de 2 personas');
    await change(sql.unsafe`UPDATE meta_templates SET category = 'MARKETING' WHERE tenant_id = ${tenantId}`);
    await change(sql.unsafe`UPDATE tenants SET heed_consent = false WHERE id = ${tenantId}`);
    expect(await tryIt()).toContain('2 de 2 personas');
  });

  it('fills in the date expected of an opportunity, and leaves out who has none', async () => {
    const leadId = await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202' });
    const tomorrow = addDays(dayIn('America/Argentina/Buenos_Aires', new Date()), 1);
    await app.stores.sales.openOpportunity(
      tenantId,
      leadId,
      { name: 'Implante', value: '100', currency: 'ARS', expectedAt: `${tomorrow}T18:30` },
      system('test'),
    );
    const result = await tryIt({ s0_v2: 'expected_at' });
    expect(result).toMatch(/1 de 2 personas habrían.*1 no: falta un dato variable/);
    expect(result).toMatch(/\w+, \d+ de \w+, 18:30/);
    await make({ s0_v2: 'expected_at' });
    expect(await stored()).toMatchObject({ action_config: { variables: ['first_name', 'expected_at'] } });
  });

  it('says what it would cost where prices are known', async () => {
    await someone({ phone: '+5491155550201' });
    await someone({ phone: '+5491155550202' });
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO outbound_messages (tenant_id, lead_id, occurrence, external_id, sender_phone, phone, template_name, template_language, template_category, state, price, price_currency)
        SELECT ${tenantId}, id, 'x', gen_random_uuid(), '+541155550001', '+541155550002', 'otra', 'es', 'MARKETING', 'delivered', 0.0618, 'USD' FROM leads LIMIT 1`),
    );
    expect(await tryIt()).toMatch(/unos \S*\s?0,12/);
  });

  it('shows one person what they would read', async () => {
    await someone({ name: 'Lucía Fernández', phone: '+5491155550201' });
    const other = await someone({ name: 'Ana Paz', phone: '+5491155550202', at: new Date(Date.now() - 86_400_000) });
    expect(await tryIt()).toContain('Hola Lucía, sobre Implantes.');
    expect(await tryIt({ lead: other })).toContain('Hola Ana, sobre Implantes.');
  });

  it('looks at what starts the rule: words that people wrote, statuses that changed', async () => {
    const leadId = await someone({ phone: '+5491155550201' });
    for (const body of ['Hola, ¿precio?', 'Apreciado doctor'])
      await db.database.inTenant(tenantId, (tx) =>
        tx.query(sql.unsafe`
          INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, body, provider_message_id) VALUES (${tenantId}, ${leadId}, '+5491155550201', 'in', 'contact', ${body}, ${body})`),
      );
    expect(await tryIt({ trigger: 'keyword', words: 'Précio' })).toContain('1 de 1 persona habría');
    expect(await tryIt({ trigger: 'status_change', status: 'opportunity' })).toContain('no habría encontrado a nadie');
    await app.stores.leads.changeStatus(tenantId, leadId, 'opportunity', system('test'));
    expect(await tryIt({ trigger: 'status_change', status: 'opportunity' })).toContain('1 de 1 persona habría');
  });
});

describe('pausing a rule', () => {
  const aRunOf = async (ruleId: string) => {
    const leadId = await aLead(db, tenantId, { phone: '+5491155550301' });
    const { runId } = await app.stores.automationRuns.start(tenantId, {
      ruleId,
      ruleVersion: 1,
      leadId,
      occurrence: leadId,
      workflowId: `automation:${leadId}`,
      dueAt: Date.now(),
    });
    return { runId, leadId };
  };

  it('holds back what falls due; activating drops it unless told otherwise, and wakes the runs', async () => {
    const location = await make({ s0_v2: 'full_name' });
    const ruleId = location.split('/').at(-1) ?? '';
    await person.post(`${location}/pause`);
    expect(await text(`/${ruleId}`)).toContain('En pausa');
    const [dropped, claim] = [await aRunOf(ruleId), app.stores.outboundMessages.claim];
    expect(await claim(tenantId, dropped.runId, new Date())).toMatchObject({ decision: 'wait', reason: 'rule_paused' });
    expect(await text(`/${ruleId}`)).toContain('1 espera hace menos de una hora');
    await person.post(`${location}/activation`);
    expect(await claim(tenantId, dropped.runId, new Date())).toMatchObject({ decision: 'skip' });
    expect(woken).toEqual([`automation:${dropped.leadId}`]);
    await person.post(`${location}/pause`);
    const sent = await aRunOf(ruleId);
    await claim(tenantId, sent.runId, new Date());
    await person.post(`${location}/activation`, { hour: 'send' });
    expect(await claim(tenantId, sent.runId, new Date())).toMatchObject({ decision: 'send' });
  });
});
