import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addDays, dayIn } from '../domain/days.ts';
import type { LiveTopic } from '../domain/live.ts';
import { anApiKey } from '../test/api-key.ts';
import { aCampaign, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const SOME_ID = '5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10';
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let leadId: string;
let key: string;
let today: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  leadId = await aLead(db, tenantId);
  key = await anApiKey(db, tenantId, 'api');
  today = dayIn('America/Argentina/Buenos_Aires', new Date());
});

const post = (path: string, body: unknown) =>
  fetch(`${app.url}/api/v1/leads/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const sale = (given: object = {}) => ({ amount: '280000.50', currency: 'ARS', sold_on: today, ...given });
const saleRow = z.object({
  amount: z.string(),
  currency: z.string(),
  meta_campaign_id: z.string().nullable(),
  attribution_source: z.string().nullable(),
  opportunity_id: z.string().nullable(),
  sold_at: z.date(),
});
const sales = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(saleRow)`
      SELECT amount, currency, meta_campaign_id, attribution_source, opportunity_id, sold_at FROM sales_transactions WHERE tenant_id = ${tenantId}`),
  );
const changes = async () =>
  (await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id: leadId })).map(({ name, actor_type }) => [
    name,
    actor_type,
  ]);
const statusOf = async () => (await app.stores.leadPages.byId(tenantId, leadId)).lead.status;

describe('recording a sale', () => {
  it('keeps the amount to the cent, moves the lead and leaves audit rows in the name of the key', async () => {
    const reply = await post(`${leadId}/sales`, sale());
    expect(reply.status).toBe(201);
    expect(await reply.json()).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await sales()).toMatchObject([{ amount: '280000.50', currency: 'ARS', meta_campaign_id: null }]);
    expect(await statusOf()).toBe('customer');
    expect(await changes()).toEqual([
      ['sale.recorded', 'api_key'],
      ['lead.status_changed', 'api_key'],
    ]);
  });

  it('credits the last campaign within the look-back', async () => {
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId);
    await aCampaign(db, tenantId, { id: '201' });
    const day = 24 * 60 * 60_000;
    await aTouch(db, tenantId, leadId, { campaignId: '201', at: new Date(Date.now() - 20 * day) });
    await aTouch(db, tenantId, leadId, { campaignId: '200', at: new Date(Date.now() - 10 * day) });
    await aTouch(db, tenantId, leadId, { campaignId: null, at: new Date(Date.now() - 5 * day) });
    await post(`${leadId}/sales`, sale());
    await post(`${leadId}/sales`, sale({ sold_on: addDays(today, -15) }));
    await post(`${leadId}/sales`, sale({ sold_on: addDays(today, -30) }));
    expect((await sales()).map((row) => [row.meta_campaign_id, row.attribution_source])).toEqual([
      ['200', 'last_touch'],
      ['201', 'last_touch'],
      [null, null],
    ]);
  });

  it('wins the newest open opportunity, or the one it names', async () => {
    const [first, second] = [
      (
        (await (await post(`${leadId}/opportunities`, { name: 'A', value: '1', currency: 'ARS' })).json()) as {
          id: string;
        }
      ).id,
      (
        (await (await post(`${leadId}/opportunities`, { name: 'B', value: '2', currency: 'ARS' })).json()) as {
          id: string;
        }
      ).id,
    ];
    expect(await statusOf()).toBe('opportunity');
    await post(`${leadId}/sales`, sale({ opportunity_id: first }));
    await post(`${leadId}/sales`, sale());
    await post(`${leadId}/sales`, sale());
    expect((await sales()).map(({ opportunity_id }) => opportunity_id)).toEqual([first, second, null]);
    expect((await post(`${leadId}/sales`, sale({ opportunity_id: SOME_ID }))).status).toBe(404);
    expect(await sales()).toHaveLength(3);
  });

  it('takes a refund as a negative amount', async () => {
    expect((await post(`${leadId}/sales`, sale({ amount: '-50.00' }))).status).toBe(201);
  });

  it('tells open pages that leads changed', async () => {
    const heard: LiveTopic[] = [];
    const stop = app.live.subscribe(tenantId, (topic) => heard.push(topic));
    await post(`${leadId}/sales`, sale());
    stop();
    expect(heard).toEqual(['leads']);
  });

  it.each([
    ['no amount', { amount: undefined }],
    ['a number instead of text', { amount: 12.5 }],
    ['nothing', { amount: '0.00' }],
    ['too many places', { amount: '1.005' }],
    ['cents that its currency has not', { amount: '10.50', currency: 'CLP' }],
    ['too many digits', { amount: '12345678901234' }],
    ['an exponent', { amount: '1e3' }],
    ['a comma', { amount: '1,5' }],
    ['a space', { amount: ' 1' }],
    ['no currency', { currency: undefined }],
    ['a currency in small letters', { currency: 'ars' }],
    ['no day', { sold_on: undefined }],
    ['a day that never was', { sold_on: '2026-02-30' }],
    ['a day before all calendars', { sold_on: '0000-01-01' }],
    ['a day to come', { sold_on: '2999-01-01' }],
    ['an opportunity that is no id', { opportunity_id: 'first' }],
    ['a field that it would leave out', { refrence: 'A-1001' }],
  ])('refuses %s', async (_, given) => {
    const reply = await post(`${leadId}/sales`, sale(given));
    const problems = [expect.stringContaining(Object.keys(given)[0] ?? '')];
    expect([reply.status, await reply.json()]).toMatchObject([422, { error: { code: 'invalid', problems } }]);
    expect(await sales()).toEqual([]);
  });

  it('knows no lead of another tenant, and none that is no id', async () => {
    const stranger = await aLead(db, await aTenant(db));
    for (const id of [stranger, SOME_ID, '1', 'x'.repeat(500)])
      expect((await post(`${id}/sales`, sale())).status).toBe(404);
  });
});

describe('opening an opportunity', () => {
  it('moves the lead forward, never back', async () => {
    const opportunity = { name: 'Implante', value: '150000.00', currency: 'ARS' };
    expect((await post(`${leadId}/opportunities`, opportunity)).status).toBe(201);
    expect(await statusOf()).toBe('opportunity');
    await post(`${leadId}/sales`, sale());
    await post(`${leadId}/opportunities`, opportunity);
    expect(await statusOf()).toBe('customer');
  });

  it.each([
    ['no name', { name: '  ' }],
    ['a name without end', { name: 'x'.repeat(201) }],
    ['a negative value', { value: '-1' }],
    ['cents that its currency has not', { value: '10.50', currency: 'CLP' }],
    ['a field that it would leave out', { seller: 'Carla' }],
  ])('refuses %s', async (_, given) => {
    const body = { name: 'Implante', value: '1', currency: 'ARS', ...given };
    expect((await post(`${leadId}/opportunities`, body)).status).toBe(422);
  });
});

describe('a sale with the caller’s own number', () => {
  it('is recorded once', async () => {
    expect((await post(`${leadId}/sales`, sale({ reference: 'A-1001' }))).status).toBe(201);
    expect((await post(`${leadId}/sales`, sale({ reference: 'A-1001' }))).status).toBe(409);
    expect(await sales()).toHaveLength(1);
  });

  it('can be voided, twice without harm, and by nobody else', async () => {
    const { id } = (await (await post(`${leadId}/sales`, sale())).json()) as { id: string };
    const remove = (with_: string, which = id) =>
      fetch(`${app.url}/api/v1/sales/${which}`, { method: 'DELETE', headers: { authorization: `Bearer ${with_}` } });
    const stranger = await anApiKey(db, await aTenant(db), 'api');
    expect((await remove(stranger)).status).toBe(404);
    expect([(await remove(key)).status, (await remove(key)).status, (await remove(key, 'none')).status]).toEqual([
      204, 204, 404,
    ]);
    expect((await changes()).filter(([name]) => name === 'sale.voided')).toHaveLength(1);
  });

  it('when it is a refund makes nobody a customer', async () => {
    expect((await post(`${leadId}/sales`, sale({ amount: '-5000' }))).status).toBe(201);
    expect(await statusOf()).toBe('new');
  });
});
