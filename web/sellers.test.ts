import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aCapturedLead } from '../test/captured-lead.ts';
import { aLead } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import { givenLeadMail, newLeadMail } from './mails.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let [ana, beto]: [Person, Person] = [{}, {}] as [Person, Person];
let nextPhone = 10_000;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  [ana, beto] = [await aPerson(app, db, tenantId), await aPerson(app, db, tenantId)];
});

const capture = (given: object = {}) =>
  app.stores.leads.capture(tenantId, aCapturedLead({ phone: `+54911555${nextPhone++}`, ...given }));
const sellerOf = async (leadId: string) => (await app.stores.leadPages.byId(tenantId, leadId)).lead.seller_id;
const turns = (...people: Person[]) => ana.post('/crm/sellers/turns', { user_id: people.map(({ userId }) => userId) });

describe('Leads by hand', () => {
  it('are given to somebody, shown on page and list, and taken away again', async () => {
    const leadId = await aLead(db, tenantId, { name: 'Lucía' });
    const reply = await ana.post(`/crm/leads/${leadId}/seller`, { seller_id: beto.userId });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `/crm/leads/${leadId}`]);
    const html = await (await ana.get(`/crm/leads/${leadId}`)).text();
    expect(html).toContain(`<option value="${beto.userId}" selected>`);
    expect(textOf(html)).toContain('Assigned to Carla Domínguez');
    expect(await (await ana.get('/crm/leads')).text()).toMatch(/data-label="Seller">Carla Domínguez</);
    await ana.post(`/crm/leads/${leadId}/seller`, { seller_id: '' });
    expect(await sellerOf(leadId)).toBeNull();
    expect(textOf(await (await ana.get(`/crm/leads/${leadId}`)).text())).toContain('Not assigned to anybody');
  });

  it('are told to whom they are given, once, and not to who takes one', async () => {
    const leadId = await aLead(db, tenantId);
    const give = (userId: string) => ana.post(`/crm/leads/${leadId}/seller`, { seller_id: userId });
    const told = () => app.sellersTold.filter((id) => id === leadId).length;
    await give(ana.userId);
    await give('');
    expect(told()).toBe(0);
    await give(beto.userId);
    await give(beto.userId);
    expect(told()).toBe(1);
  });

  it('are found by whose they are', async () => {
    const [mine] = [await aLead(db, tenantId, { name: 'Mía' }), await aLead(db, tenantId, { name: 'Suya' })];
    await ana.post(`/crm/leads/${mine}/seller`, { seller_id: ana.userId });
    const found = async (query: string) => textOf(await (await ana.get(`/crm/leads?${query}`)).text());
    expect(await found(`seller=${ana.userId}`)).toMatch(/All 1 .*Mía/);
    expect(await found('seller=none&status=new')).toMatch(/All 1 .*Suya/);
    expect(await found('seller=')).toMatch(/All 2 /);
    expect((await ana.get('/crm/leads?seller=x')).status).toBe(422);
  });

  it('go to nobody who is not here', async () => {
    const leadId = await aLead(db, tenantId);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await ana.post(`/crm/leads/${leadId}/seller`, { seller_id: stranger.userId })).status).toBe(422);
    expect((await ana.post(`/crm/leads/${leadId}/seller`, { seller_id: 'x' })).status).toBe(422);
    expect((await stranger.post(`/crm/leads/${leadId}/seller`, { seller_id: stranger.userId })).status).toBe(404);
    expect((await ana.post('/crm/sellers/turns', { user_id: stranger.userId })).status).toBe(422);
    expect(textOf(await (await ana.get('/crm/sellers')).text())).toContain('Leads are given out by hand');
  });
});

describe('Leads in turn', () => {
  it('go to each in turn, two at once to two people', async () => {
    expect((await turns(ana, beto)).headers.get('location')).toBe('/crm/sellers');
    const given: (string | null)[] = [];
    for (let i = 0; i < 4; i++) given.push(await sellerOf((await capture()).leadId));
    expect(given.slice(0, 2)).toEqual(given.slice(2));
    expect(new Set(given)).toEqual(new Set([ana.userId, beto.userId]));
    const atOnce = await Promise.all(Array.from({ length: 8 }, () => capture()));
    const counted = (await app.stores.sellers.list(tenantId)).map(({ leads }) => leads);
    expect([atOnce.length, counted]).toEqual([8, [6, 6]]);
    expect(textOf(await (await ana.get('/crm/sellers')).text())).toMatch(
      /in turn\..*6 open, 6 in all The last one this minute/,
    );
  });

  it('leave out who is gone, tests, and who has a seller already', async () => {
    await turns(ana);
    const first = await capture({ phone: '+5491155550101' });
    expect(await sellerOf(first.leadId)).toBe(ana.userId);
    await turns(beto);
    expect((await capture({ phone: '+5491155550101' })).leadId).toBe(first.leadId);
    expect(await sellerOf(first.leadId)).toBe(ana.userId);
    expect(await sellerOf((await capture({ isTest: true })).leadId)).toBeNull();
    await turns();
    expect(await sellerOf((await capture()).leadId)).toBeNull();
  });
});

describe('The mail to a seller', () => {
  it('leads to the lead, in their language, and names the campaign at most', () => {
    const news = { leadId: '5f0e7f5e', campaignName: 'Implantes $t(common:product)' };
    const mail = newLeadMail('https://hub.example.com', 'en', news);
    expect(mail.subject).toBe('New lead: Implantes $t(common:product)');
    expect(mail.text).toContain('https://hub.example.com/crm/leads/5f0e7f5e');
    expect(givenLeadMail('https://hub.example.com', 'es', news)).toMatchObject({
      subject: 'Te asignaron un lead',
      text: expect.stringContaining('https://hub.example.com/crm/leads/5f0e7f5e'),
    });
    expect(newLeadMail('https://hub.example.com', null, { ...news, campaignName: null }).subject).toBe(
      'Lead nuevo: Sin campaña',
    );
  });
});
