import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LiveTopic } from '../domain/live.ts';
import { anApiKey } from '../test/api-key.ts';
import { aCampaign, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import { leadReply, leadsReply } from './leads-api.ts';

interface Answer {
  status: number;
  json: Record<string, unknown> & { leads: { id: string; full_name: string | null }[]; next_cursor: string | null };
}
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let key: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  key = await anApiKey(db, tenantId, 'api');
});

async function ask(method: string, path: string, body?: unknown, with_ = key): Promise<Answer> {
  const headers = { authorization: `Bearer ${with_}`, 'content-type': 'application/json', accept: 'application/json' };
  const reply = await fetch(`${app.url}/api/v1/leads${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: reply.status, json: (await reply.json()) as Answer['json'] };
}
const cursor = (at: string, id = '5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10') =>
  `?cursor=${Buffer.from(JSON.stringify([at, id])).toString('base64url')}`;
const namesOf = ({ json }: Answer) => json.leads.map(({ full_name }) => full_name);

describe('leads for other programs', () => {
  it('come newest first in pages, each once, as the description says', async () => {
    for (let i = 0; i < 5; i++) await aLead(db, tenantId, { name: `Persona ${i}` });
    const first = await ask('GET', '?limit=2');
    expect(namesOf(first)).toEqual(['Persona 4', 'Persona 3']);
    expect(leadsReply.parse(first.json)).toEqual(first.json);
    const second = await ask('GET', `?limit=2&cursor=${first.json.next_cursor}`);
    const third = await ask('GET', `?limit=2&cursor=${second.json.next_cursor}`);
    expect([namesOf(second), namesOf(third)]).toEqual([['Persona 2', 'Persona 1'], ['Persona 0']]);
    expect(third.json.next_cursor).toBeNull();
  });

  it('can be asked for by status and by the moment since which they are here', async () => {
    await aLead(db, tenantId, { name: 'Ana', status: 'customer' });
    await aLead(db, tenantId, { name: 'Beto' });
    expect(namesOf(await ask('GET', '?status=customer'))).toEqual(['Ana']);
    const ahead = new Date(Date.now() + 60_000).toISOString();
    expect(namesOf(await ask('GET', `?since=${ahead}`))).toEqual([]);
    const past = new Date(Date.now() - 60_000).toISOString();
    expect(namesOf(await ask('GET', `?since=${past}`))).toEqual(['Beto', 'Ana']);
  });

  it('name the campaign of their last touch', async () => {
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId);
    const id = await aLead(db, tenantId, { name: 'Ana' });
    await aTouch(db, tenantId, id, { at: new Date(), campaignId: '200' });
    const { json } = await ask('GET', `/${id}`);
    expect(json).toMatchObject({ id, full_name: 'Ana', meta_campaign_id: '200', merged_into: null });
    expect(leadReply.parse(json)).toEqual(json);
  });

  it('are found by phone as people write it, by e-mail, by Meta’s id, and never by an address', async () => {
    const id = await aLead(db, tenantId, { name: 'Ana', phone: '+5491155550101', email: 'ana@example.com' });
    for (const wanted of [{ phone: '011 15-5555-0101' }, { email: 'ANA@example.com' }])
      expect((await ask('POST', '/searches', wanted)).json.leads.map((lead) => lead.id)).toEqual([id]);
    expect((await ask('POST', '/searches', { meta_leadgen_id: '42' })).json.leads).toEqual([]);
    expect((await ask('POST', '/searches', {})).status).toBe(422);
  });

  it('are added once: who is known is given back', async () => {
    const ana = { full_name: 'Ana', phone: '11 5555-0101', email: 'Ana@example.com', consent: 'Sí, por WhatsApp' };
    const made = await ask('POST', '', ana);
    expect(made.status).toBe(201);
    expect(await ask('POST', '', ana)).toEqual({ status: 200, json: made.json });
    const { json } = await ask('GET', `/${made.json['id']}`);
    expect(json).toMatchObject({ email: 'ana@example.com', phone: '+5491155550101', source: 'manual', status: 'new' });
    const changes = await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id: String(json['id']) });
    expect(changes.map(({ name, actor_type }) => [name, actor_type])).toEqual([['lead.added', 'api_key']]);
  });

  it('change their status, and open pages are told', async () => {
    const id = await aLead(db, tenantId, { name: 'Ana' });
    const told: LiveTopic[] = [];
    const stop = app.live.subscribe(tenantId, (topic) => told.push(topic));
    expect((await ask('PATCH', `/${id}`, { status: 'contacted' })).json).toMatchObject({ id, status: 'contacted' });
    expect(told).toEqual(['leads']);
    stop();
    expect((await ask('PATCH', `/${id}`, { status: 'rich' })).status).toBe(422);
  });

  it('are nobody else’s', async () => {
    const id = await aLead(db, tenantId, { name: 'Ana', email: 'ana@example.com' });
    const other = await anApiKey(db, await aTenant(db), 'api');
    expect((await ask('GET', '', undefined, other)).json.leads).toEqual([]);
    expect((await ask('POST', '/searches', { email: 'ana@example.com' }, other)).json.leads).toEqual([]);
    expect((await ask('GET', `/${id}`, undefined, other)).status).toBe(404);
    expect((await ask('PATCH', `/${id}`, { status: 'contacted' }, other)).status).toBe(404);
  });

  it.each([
    '?limit=0',
    '?limit=201',
    '?status=rich',
    '?since=yesterday',
    '?cursor=x',
    '?since=0000-01-01T00:00:00Z',
    '?since=9999-12-31T23:59:59-23:59',
    cursor('1', '2'),
    cursor('2026-02-30 10:00:00+00'),
    cursor('2026-02-30T10:00:00Z'),
    cursor('2026-01-01T10:00:00+99:00'),
    cursor('0000-01-01T10:00:00Z'),
    cursor('9999-12-31T23:59:59-23:59'),
  ])('refuses %s', async (query) => {
    expect((await ask('GET', query)).status).toBe(422);
  });

  it.each([
    {},
    { full_name: 'Ana' },
    { phone: 'x' },
    { email: 'x' },
    { email: 'ana@example.com', name: 'unknown field' },
    { email: 'ana@example.com', seller_id: '5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10' },
    { email: 'ana@example.com', meta_campaign_id: '999' },
    [],
  ])('refuses a person like %j, and adds nobody', async (body) => {
    expect((await ask('POST', '', body)).status).toBe(422);
    expect((await ask('GET', '')).json.leads).toEqual([]);
  });
});
