import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { insertConsents } from '../adapters/postgres/consents.ts';
import { addDays, dayIn } from '../domain/days.ts';
import type { LiveTopic } from '../domain/live.ts';
import { aCampaign, aLead, aMessage, anAccount, aPage, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person, searched } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
let today: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  today = dayIn('America/Argentina/Buenos_Aires', new Date());
});

const page = async (path: string, who = person) => (await who.get(path)).text();
const namesOn = (html: string) =>
  [...html.matchAll(/<a class="clamp" href="\/crm\/leads\/[0-9a-f-]{36}">([^<]*)</g)].map(([, name]) => name);
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

describe('the list of leads', () => {
  it('is empty at first, and says where leads come from', async () => {
    const text = textOf(await page('/crm/leads'));
    expect(text).toContain('No leads yet');
    expect(text).toContain('0 people in all');
  });

  it('finds people by name, e-mail, or four digits of their phone, and takes every sign literally', async () => {
    await aLead(db, tenantId, { name: 'Lucía 100% _real_', phone: '+5491155550101', email: 'lucia@example.com' });
    await aLead(db, tenantId, { name: 'Jorge', phone: '+5491155550202', email: 'jorge@example.com' });
    const found = async (q: string) => namesOn(await page(await searched(person, '/crm/leads', q)));
    expect(await found('lucía')).toEqual(['Lucía 100% _real_']);
    expect(await found('JORGE@EXAMPLE')).toEqual(['Jorge']);
    expect(await found('55 0202')).toEqual(['Jorge']);
    expect(await found('100%')).toEqual(['Lucía 100% _real_']);
    expect(await found('_r')).toEqual(['Lucía 100% _real_']);
    expect(await found('\\')).toEqual([]);
    expect(textOf(await page(await searched(person, '/crm/leads', 'nobody')))).toContain('Nobody matches this search');
  });

  it('filters by status with counts that follow the search', async () => {
    await aLead(db, tenantId, { name: 'Ana', status: 'new' });
    await aLead(db, tenantId, { name: 'Beto', status: 'customer' });
    await aLead(db, tenantId, { name: 'Berta', status: 'customer' });
    const html = await page(await searched(person, '/crm/leads', 'be', { status: 'customer' }));
    expect(namesOn(html).sort()).toEqual(['Berta', 'Beto']);
    expect(textOf(html)).toMatch(/All 2 New 0 .* Customer 2/);
  });

  it('goes in pages, and past the last one to the last', async () => {
    for (let i = 0; i < 26; i++) await aLead(db, tenantId, { name: `Persona ${i}` });
    expect(textOf(await page('/crm/leads'))).toContain('1–25 of 26');
    expect(namesOn(await page('/crm/leads?page=2'))).toEqual(['Persona 0']);
    const beyond = await person.get('/crm/leads?page=9');
    expect([beyond.status, beyond.headers.get('location')]).toEqual([303, '/crm/leads?page=2']);
  });

  it.each(['status=rich', 'page=0', 'page=x'])('refuses %s', async (query) => {
    expect((await person.get(`/crm/leads?${query}`)).status).toBe(422);
  });

  it('reloads itself as the fragment that stands in the page', async () => {
    await aLead(db, tenantId, { name: 'Ana' });
    const whole = await page('/crm/leads?status=new');
    const fragment = await page('/crm/leads/list?status=new');
    expect(whole).toContain('hx-get="/crm/leads/list?status=new"');
    expect(fragment).toContain('hx-get="/crm/leads/list?status=new"');
    expect(fragment).not.toContain('<html');
    expect(textOf(whole)).toContain(textOf(fragment));
  });

  it('marks who waits for the connection, who replied, and what became of the message', async () => {
    const lead = await aLead(db, tenantId, { name: 'Ana' });
    await aMessage(db, tenantId, lead, { state: 'unconfirmed' });
    expect(await page('/crm/leads')).toMatch(/data-state="unconfirmed">Unconfirmed/);
  });
});

describe("a lead's page", () => {
  let leadId: string;
  beforeEach(async () => {
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId);
    leadId = await aLead(db, tenantId, {
      at: minutesAgo(60),
      answers: [{ name: '¿Qué tratamiento?', values: ['Implantes', 'Limpieza'] }],
    });
    await aTouch(db, tenantId, leadId, { at: minutesAgo(60) });
  });

  it('tells the story, newest first: form, template, reply, opportunity, sale', async () => {
    await aMessage(db, tenantId, leadId, { body: 'Hola Lucía', state: 'read', at: minutesAgo(50) });
    await aMessage(db, tenantId, leadId, { body: '¿Cuánto sale?', at: minutesAgo(40) });
    await person.post(`/crm/leads/${leadId}/opportunities`, { name: 'Implante', value: '280,000.00', currency: 'ARS' });
    await person.post(`/crm/leads/${leadId}/sales`, { amount: '280,000.50', currency: 'ARS', sold_on: today });
    const text = textOf(await page(`/crm/leads/${leadId}`));
    expect(text).toMatch(
      /History.*Sale recorded.*Opportunity created: Implante.*Replied for the first time.*“bienvenida_lead” was sent.*form of “Implantes”/,
    );
    expect(text).toMatch(/Hola Lucía.*Read.*¿Cuánto sale\?/);
    expect(text).toContain('¿Qué tratamiento? Implantes, Limpieza');
    expect(text).toContain('Sale of ARS 280,000.50');
    expect(text).toContain('Counts for the ROI of “Implantes”');
    expect(text).toMatch(/Moved to “Customer”/);
  });

  it('says what the person agreed to, and what not', async () => {
    expect(textOf(await page(`/crm/leads/${leadId}`))).toContain('No consent was asked for in the form');
    const disclaimers = [
      { key: 'wa', text: 'Acepto mensajes por WhatsApp' },
      { key: 'news', text: 'Quiero <b>novedades</b>' },
    ];
    await aPage(db, tenantId);
    await app.stores.leadForms.saveCounts(tenantId, '500', [
      { formId: '900', name: 'Consulta', status: 'ACTIVE', leadsCount: 1, disclaimers },
    ]);
    const answered = [
      { key: 'wa', isChecked: true },
      { key: 'news', isChecked: false },
      { key: 'old', isChecked: true },
    ];
    await db.database.inTenant(tenantId, (tx) =>
      insertConsents(tx, tenantId, leadId, {
        leadgenId: '733',
        formId: '900',
        submittedAt: minutesAgo(60),
        disclaimers: answered,
      }),
    );
    const text = textOf(await page(`/crm/leads/${leadId}`));
    expect(text).toMatch(/agreed to Did not agree «Quiero <b>novedades<\/b>» .* · Consulta/);
    expect(text).toMatch(/ Agreed The text of “old” is not read yet .* Agreed «Acepto mensajes por WhatsApp»/);
  });

  it('moves to the status a person picks, with an audit row in their name', async () => {
    const reply = await person.post(`/crm/leads/${leadId}/status`, { status: 'contacted' });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `/crm/leads/${leadId}`]);
    const [change] = await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id: leadId });
    expect(change).toMatchObject({
      name: 'lead.status_changed',
      actor_type: 'user',
      actor_id: person.userId,
      details: { from: 'new', to: 'contacted' },
    });
    expect((await person.post(`/crm/leads/${leadId}/status`, { status: 'rich' })).status).toBe(422);
  });

  it('tells open pages of every change', async () => {
    const heard: LiveTopic[] = [];
    const stop = app.live.subscribe(tenantId, (topic) => heard.push(topic));
    await person.post(`/crm/leads/${leadId}/status`, { status: 'contacted' });
    await person.post(`/crm/leads/${leadId}/opportunities`, { name: 'A', value: '1', currency: 'ARS' });
    await person.post(`/crm/leads/${leadId}/sales`, { amount: '1', currency: 'ARS' });
    stop();
    expect(heard).toEqual(['leads', 'leads', 'leads']);
  });

  it('reads amounts as the person writes them', async () => {
    const spaniard = await aPerson(app, db, tenantId, { locale: 'es' });
    await spaniard.post(`/crm/leads/${leadId}/sales`, { amount: '$ 280.000,50', currency: 'ARS', sold_on: today });
    await person.post(`/crm/leads/${leadId}/sales`, { amount: '1,000.25', currency: 'ARS', sold_on: today });
    const { sales } = await app.stores.leadPages.byId(tenantId, leadId);
    expect(sales.map(({ amount }) => amount).sort()).toEqual(['1000.25', '280000.50']);
  });

  it('keeps what was typed when it makes no sense, says what is wrong beside the field, and records nothing', async () => {
    const typed = { amount: 'a "lot" <b>', currency: 'USD', sold_on: addDays(today, 1) };
    const reply = await person.post(`/crm/leads/${leadId}/sales`, typed);
    const html = await reply.text();
    expect(reply.status).toBe(422);
    expect(html).toContain('name="amount" inputmode="decimal" value="a &quot;lot&quot; &lt;b&gt;"');
    expect(html).toContain(`value="${addDays(today, 1)}"`);
    expect(html).toMatch(/id="sale-currency"[^>]*>(?:<option>\w+<\/option>)*<option selected>USD/);
    for (const field of ['amount', 'sold-on'])
      expect(html).toMatch(new RegExp(`id="${field}"[^>]* aria-invalid="true" aria-describedby="${field}-e"`));
    expect((await app.stores.leadPages.byId(tenantId, leadId)).sales).toEqual([]);
  });

  it('keeps what was typed of an opportunity too, with its form open', async () => {
    const reply = await person.post(`/crm/leads/${leadId}/opportunities`, { name: ' ', value: '-5', currency: 'EUR' });
    const html = await reply.text();
    expect(reply.status).toBe(422);
    expect(html).toMatch(/<details open>[\s\S]*id="opportunity"/);
    expect(html).toContain('name="value" inputmode="decimal" value="-5"');
    expect(textOf(html)).toContain('Write what is offered');
  });

  it.each([
    ['an array for the amount', { amount: ['1', '2'], currency: 'ARS' }],
    ['a currency of another alphabet', { amount: '1', currency: '₽₽₽' }],
    ['a day before all calendars', { amount: '1', currency: 'ARS', sold_on: '0000-01-01' }],
    ['nothing at all', {}],
  ])('answers 422 to %s', async (_, fields) => {
    expect((await person.post(`/crm/leads/${leadId}/sales`, fields as Record<string, string>)).status).toBe(422);
  });

  it('does not exist for what is no id', async () => {
    for (const id of ['1', 'list2', "'; DROP TABLE leads --"]) {
      const reply = await person.get(`/crm/leads/${encodeURIComponent(id)}`);
      expect(reply.status).toBe(404);
    }
  });
});

describe('hostile names, answers and messages', () => {
  const markup = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
  const hostile: Record<string, string> = {
    markup,
    'an attribute': `' onmouseover='alert(1)' x="`,
    'a template': '<%= it.csrf %> {{name}} $t(common:product)',
    'right-to-left script with an override': '\u202eمحمد العربي\u2066',
    emoji: '👩‍👩‍👧‍👦🏳️‍🌈'.repeat(20),
    'combining marks': `Z${'\u0337'.repeat(500)}`,
    'ten thousand letters': 'x'.repeat(10_000),
  };

  it.each(Object.entries(hostile))('are shown as text: %s', async (_, text) => {
    await anAccount(db, tenantId, { name: text });
    await aCampaign(db, tenantId, { name: text });
    const leadId = await aLead(db, tenantId, { name: text, email: text, answers: [{ name: text, values: [text] }] });
    await aTouch(db, tenantId, leadId);
    await aMessage(db, tenantId, leadId, { body: text });
    await aMessage(db, tenantId, leadId, { body: text, state: 'unconfirmed' });
    await person.post(`/crm/leads/${leadId}/opportunities`, {
      name: `x${text}`.slice(0, 150),
      value: '1',
      currency: 'ARS',
    });
    const escaped = text.replace(
      /[&<>"']/g,
      (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[sign] ?? '',
    );
    for (const path of [
      '/crm/leads',
      `/crm/leads/${leadId}`,
      `/crm/leads/${leadId}/thread`,
      '/crm/marketing/leads-feed',
    ]) {
      const html = await page(path);
      expect([path, html.includes(escaped)]).toEqual([path, true]);
      if (escaped !== text) expect([path, html.includes(text)]).toEqual([path, false]);
    }
  });

  it('inside a sentence are no part of its grammar', async () => {
    const name = '{{count}} $t(leads:title) {{campaign}}';
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId, { name });
    const leadId = await aLead(db, tenantId);
    await aTouch(db, tenantId, leadId);
    expect(textOf(await page(`/crm/leads/${leadId}`))).toContain(`Completed a form of “${name}”`);
  });

  it('in a search are shown as text', async () => {
    const html = await page(await searched(person, '/crm/leads', markup));
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('<img');
  });
});
