import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { anApiKey } from '../test/api-key.ts';
import { aCampaign, aDay, aLead, anAccount } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

const PATH = '/crm/marketing/breakdown';
const zone = 'America/Argentina/Buenos_Aires';
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
let stranger: Person;

const write = (query: ReturnType<typeof sql.unsafe>) => db.database.inTenant(tenantId, (tx) => tx.query(query));

/** Somebody whom this ad brought, by Instagram or Facebook, and what they bought. */
async function buyer(adId: string | null, platform: string | null, form: string | null, amounts: readonly string[]) {
  const at = new Date(Date.now() - 3_600_000);
  const leadId = await aLead(db, tenantId, { at });
  await write(
    sql.unsafe`UPDATE leads SET platform = ${platform}, form_id = ${form}, is_organic = ${adId === null} WHERE id = ${leadId}`,
  );
  if (adId !== null)
    await write(sql.unsafe`
      INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at, meta_campaign_id, ad_id)
      VALUES (${tenantId}, ${leadId}, 'form', ${at.toISOString()}::timestamptz, '200', ${adId})`);
  for (const amount of amounts)
    await app.stores.sales.recordSale(
      tenantId,
      leadId,
      { amount, currency: 'ARS', soldOn: dayIn(zone, new Date()) },
      system('test'),
    );
}

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'en' });
  stranger = await aPerson(app, db, await aTenant(db), { locale: 'en' });
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId, { name: 'Implantes' });
  const today = dayIn(zone, new Date());
  await aDay(db, tenantId, today, { spend: '1000.00' });
  await write(
    sql.unsafe`INSERT INTO meta_ads_adsets (tenant_id, adset_id, meta_campaign_id, name, currency) VALUES (${tenantId}, '2001', '200', 'Web', 'ARS')`,
  );
  await write(
    sql.unsafe`INSERT INTO meta_ads_creatives (tenant_id, creative_id, name) VALUES (${tenantId}, '71', 'Sonrisa'), (${tenantId}, '72', 'Antes y después')`,
  );
  await write(sql.unsafe`
    INSERT INTO meta_ads_ads (tenant_id, ad_id, adset_id, meta_campaign_id, name, status, creative_id)
    VALUES (${tenantId}, '1', '2001', '200', 'Uno', 'ACTIVE', '71'), (${tenantId}, '2', '2001', '200', 'Dos', 'ACTIVE', '71'), (${tenantId}, '3', '2001', '200', 'Tres', 'PAUSED', '72')`);
  for (const [ad, spend] of [
    ['1', '100.10'],
    ['2', '200.20'],
    ['3', '400.00'],
    ['9', '50.00'],
  ] as const)
    await write(sql.unsafe`
      INSERT INTO meta_ads_ad_insights (tenant_id, ad_id, date, adset_id, meta_campaign_id, meta_account_id, currency, spend, impressions, clicks, leads)
      SELECT ${tenantId}, ${ad}, ${today}::date - n * 40, '2001', '200', '100', 'ARS', ${spend}::numeric, 1000, 10, 1 FROM generate_series(0, 1) n`);
  await write(
    sql.unsafe`INSERT INTO creative_pictures (tenant_id, creative_id, type, picture) VALUES (${tenantId}, '71', 'image/png', '\\x89504e470d0a1a0a')`,
  );
  await buyer('1', 'ig', '900', ['600.00', '300.60']);
  await buyer('2', 'fb', '900', []);
  await buyer('3', 'ig', '901', ['100.00']);
  await buyer(null, 'fb', null, ['55.00']);
});

type Line = Record<string, unknown>;
const linesOf = async (query: string, who = person): Promise<Line[]> => {
  const reply = await who.get(`${PATH}?${query}`, { accept: 'application/json' });
  return ((await reply.json()) as { lines: Line[] }).lines;
};
const some = (lines: readonly Line[], ...names: string[]) => lines.map((line) => names.map((name) => line[name]));

describe('The results by creative', () => {
  it('add up the ads that show it, in the window alone, and what their leads bought', async () => {
    const lines = await linesOf('by=creative');
    expect(some(lines, 'name', 'spend', 'impressions', 'leads', 'cost_per_lead', 'sales', 'revenue', 'roas')).toEqual([
      ['Antes y después', '400.00', 1000, 1, '400.00', 1, '100.00', '0.25'],
      ['Sonrisa', '300.30', 2000, 2, '150.15', 2, '900.60', '3.00'],
      [null, '50.00', 1000, 0, null, 0, '0.00', '0.00'],
    ]);
  });

  it('say by how much they differ from the books', async () => {
    const reply = await person.get(`${PATH}?by=creative`, { accept: 'application/json' });
    expect(await reply.json()).toMatchObject({ by: 'creative', currency: 'ARS', spend_beyond_ads: '249.70' });
    expect(textOf(await (await person.get(`${PATH}?by=creative`)).text())).toMatch(/\$\s?249\.70/);
  });

  it('show the picture from our own address, and a place for the one that is missing', async () => {
    const html = await (await person.get(`${PATH}?by=creative`)).text();
    expect(html).toContain('<img src="/thumbnails/71" width="48" height="48" alt="" loading="lazy">');
    expect(html.match(/class="no-picture"/g)).toHaveLength(2);
    expect(await (await person.get('/crm/marketing')).text()).toContain('src="/thumbnails/71"');
  });

  it('are sorted, filtered and found as asked; what is not known comes last', async () => {
    const names = async (query: string) => (await linesOf(`by=creative&${query}`)).map(({ name }) => name);
    expect(await names('sort=roas')).toEqual(['Sonrisa', 'Antes y después', null]);
    expect(await names('sort=spend&order=asc')).toEqual([null, 'Sonrisa', 'Antes y después']);
    expect(await names('sort=costPerLead&order=asc')).toEqual(['Sonrisa', 'Antes y después', null]);
    expect(await names('sort=name')).toEqual(['Antes y después', 'Sonrisa', null]);
    expect(await names('status=active')).toEqual(['Sonrisa']);
    expect(await names('find=DESPU')).toEqual(['Antes y después']);
    const html = await (await person.get(`${PATH}?by=creative&find=zzz`)).text();
    expect(textOf(html)).toContain('Nothing matches these filters');
  });

  it('are a file with the same lines', async () => {
    const reply = await person.get(`${PATH}.csv?by=creative&sort=roas&find=sonrisa`);
    expect(reply.headers.get('content-disposition')).toContain('creative.csv');
    const [header = '', line = '', ...rest] = (await reply.text()).split('\r\n');
    expect(rest).toEqual(['']);
    expect(header).toMatch(
      /^id,name,parent,status,spend,impressions,clicks,leads,meta_leads,cost_per_lead,opportunities,sales,revenue,roi_percentage,roas,currency,/,
    );
    expect(line).toMatch(/^71,Sonrisa,Implantes,ACTIVE,300\.30,2000,20,2,2,150\.15,0,2,900\.60,199\.90,3\.00,ARS,/);
    const values = new Map(header.split(',').map((name, at) => [name, line.split(',')[at]]));
    const named = [
      'lead_to_sale_percentage',
      'opportunity_to_sale_percentage',
      'previous_spend',
      'previous_leads',
      'previous_roas',
    ];
    expect(named.map((name) => values.get(name))).toEqual(['100.00', '', '300.30', '0', '0.00']);
  });
});

describe('The period before', () => {
  it('stands beside each figure, with the change as on the hub: more spend is neither good nor bad', async () => {
    const [first, second] = await linesOf('by=creative&days=30&sort=spend');
    expect(first).toMatchObject({
      id: '72',
      spend: '400.00',
      previous: { spend: '400.00', leads: 0, revenue: '0.00' },
    });
    expect(second).toMatchObject({ previous: { spend: '300.30', cost_per_lead: null, roas: '0.00' } });
    const reply = await person.get(`${PATH}?by=campaign&days=60`, { accept: 'application/json' });
    const { period, previous_period: earlier } = (await reply.json()) as Record<
      string,
      { since: string; until: string }
    >;
    expect(earlier?.until).toBe(addDays(period?.since ?? '', -1));
    await aDay(db, tenantId, addDays(dayIn(zone, new Date()), -70), { spend: '500.00' });
    await app.cache.invalidate(tenantId);
    const html = await (await person.get(`${PATH}?by=campaign&days=60`)).text();
    const cell = (name: string) => new RegExp(`<td [^>]*data-label="${name}">[\\s\\S]*?</td>`).exec(html)?.[0] ?? '';
    expect(textOf(cell('Spend'))).toBe('$1,000.00 Up 100.0 % vs $500.00');
    expect(cell('Spend')).not.toContain('data-tone');
    expect(textOf(cell('Leads'))).toBe('3 vs 0');
    expect(textOf(cell('Cost per lead'))).toMatch(/^\$333\.33 vs —$/);
  });

  it('knows no cost of people either', async () => {
    const [line] = await linesOf('by=channel&days=30&sort=leads');
    expect(line).toMatchObject({
      id: 'ig',
      previous: { leads: 0, sales: 0, revenue: '0.00', spend: null, impressions: null },
    });
    const text = textOf(await (await person.get(`${PATH}?by=channel`)).text());
    expect(text).toContain('compared with the period before');
  });
});

describe('The results by anything else', () => {
  it('are the books by campaign and account', async () => {
    for (const by of ['campaign', 'account'])
      expect(some(await linesOf(`by=${by}`), 'spend', 'leads', 'sales', 'revenue')).toEqual([
        ['1000.00', 3, 3, '1000.60'],
      ]);
  });

  it('go by ad set and ad, the deleted one with its money and without a name', async () => {
    expect(some(await linesOf('by=adset'), 'name', 'spend', 'revenue')).toEqual([['Web', '750.30', '1000.60']]);
    expect(some(await linesOf('by=ad'), 'id', 'name')).toEqual([
      ['3', 'Tres'],
      ['2', 'Dos'],
      ['1', 'Uno'],
      ['9', null],
    ]);
  });

  it('go by channel: each person once, with all they bought, and no cost that nobody knows', async () => {
    expect(some(await linesOf('by=channel'), 'id', 'leads', 'sales', 'revenue', 'spend')).toEqual([
      ['ig', 2, 3, '1000.60', null],
      ['fb', 1, 0, '0.00', null],
      ['organic', 1, 1, '55.00', null],
    ]);
    const html = await (await person.get(`${PATH}?by=channel`)).text();
    expect(textOf(html)).toContain('Instagram');
    expect(textOf(html)).toContain('Meta charges by ad');
  });

  it('go by form', async () => {
    expect(some(await linesOf('by=form'), 'id', 'leads', 'revenue')).toEqual([
      ['900', 2, '900.60'],
      ['', 1, '55.00'],
      ['901', 1, '100.00'],
    ]);
  });

  it('belong to the tenant: another one sees nothing, a program with its key the same as its people', async () => {
    for (const by of ['creative', 'campaign', 'channel', 'form'])
      expect(await linesOf(`by=${by}`, stranger)).toEqual([]);
    const key = await anApiKey(db, tenantId);
    const reply = await fetch(`${app.url}${PATH}?by=channel`, { headers: { 'x-admin-token': key } });
    expect(((await reply.json()) as { lines: Line[] }).lines).toHaveLength(3);
    expect((await person.get(`${PATH}?by=weekday`)).status).toBe(422);
  });

  it('change with the next sale', async () => {
    await linesOf('by=channel');
    const [lead] = await db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.unsafe`SELECT id FROM leads WHERE platform = 'fb' AND NOT is_organic`),
    );
    await person.post(`/crm/leads/${(lead as { id: string }).id}/sales`, {
      amount: '10',
      currency: 'ARS',
      sold_on: '',
    });
    expect(some(await linesOf('by=channel'), 'id', 'revenue')).toContainEqual(['fb', '10.00']);
  });
});
