import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { lastDays } from '../domain/days.ts';
import { anApiKey } from '../test/api-key.ts';
import { aLead, aMessage, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { aPerson, type Person } from '../test/person.ts';
import { connectTo, syncActivities, syncOnce } from '../test/sync.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import type { campaignDetailJson } from './campaign-props.ts';

const bench = metaBench();
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
const account = () => {
  const [first] = bench.simulator.world.accounts;
  if (first === undefined) throw new Error('no account');
  return first;
};
const sync = () => syncOnce(syncActivities(app.stores, bench, { cache: app.cache }), tenantId);

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db, { MARKETING_RATE_LIMIT: '100000' });
  tenantId = await aTenant(db, { currency: account().currency, time_zone: account().timeZone });
  person = await aPerson(app, db, tenantId);
  await connectTo(app.stores, bench, tenantId, [account()]);
  await sync();
});
let campaignId: string;
beforeEach(async () => {
  const campaign = bench.simulator.world.campaigns.find(
    ({ accountId, objective, status }) =>
      accountId === account().id && objective === 'OUTCOME_LEADS' && status === 'ACTIVE',
  );
  campaignId = campaign?.id ?? '';
});

const page = async (query = '', who = person) => {
  const reply = await who.get(`/crm/marketing/campaigns/${campaignId}${query}`);
  return { status: reply.status, html: await reply.text() };
};
const json = async (query = '') => {
  const headers = { 'x-admin-token': await anApiKey(db, tenantId) };
  const reply = await fetch(`${app.url}/crm/marketing/campaigns/${campaignId}${query}`, { headers });
  return (await reply.json()) as ReturnType<typeof campaignDetailJson>;
};

describe("A campaign's page", () => {
  it("shows Meta's own spend of the window, and the ads that make it up", async () => {
    const { since, until } = lastDays(account().timeZone, new Date(), 30);
    const { campaigns } = await bench.control<{ campaigns: { id: string; spend: string; leads: number }[] }>(
      `totals?account=${account().id}&since=${since}&until=${until}`,
    );
    const theirs = campaigns.find(({ id }) => id === campaignId);
    const mine = await json('?days=30');
    expect([mine.spend, mine.meta_leads]).toEqual([theirs?.spend, theirs?.leads]);
    expect(mine.ads.map(({ spend }) => spend)).toEqual([theirs?.spend]);
    expect(mine.adsets).toHaveLength(1);
    expect(mine.spend_beyond_ads).toBe('0.00');
    const { status, html } = await page('?days=30');
    expect(status).toBe(200);
    expect(textOf(html)).toContain('The ads add up to the campaign.');
    expect(html).toContain(`data-ad="${mine.ads[0]?.['ad_id']}"`);
  });

  it('says what an ad that Meta lists no more had spent, and keeps it in the campaign', async () => {
    const before = await json('?days=30');
    await db.database.inTenant(tenantId, async (tx) => {
      await tx.query(sql.unsafe`DELETE FROM meta_ads_ad_insights WHERE meta_campaign_id = ${campaignId}`);
    });
    const after = await json('?days=30');
    expect([after.spend, after.spend_beyond_ads]).toEqual([before.spend, before.spend]);
    expect(textOf((await page('?days=30')).html)).toContain('is in none of these ads');
  });

  it('says which detail lies in the archive', async () => {
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO archives (tenant_id, month, file, rows, sha256) VALUES (${tenantId}, date_trunc('month', now() - interval '31 days')::date, 'f', 1, 'x')`),
    );
    const { html } = await page('?days=60');
    expect(textOf(html)).toMatch(/The detail by ad until \w+ \d+, \d+ lies in the archive/);
    await db.database.inTenant(tenantId, (tx) => tx.query(sql.unsafe`DELETE FROM archives`));
  });

  it('shows a restated day as such, with before and after, there, in the explanation and in the history', async () => {
    expect(textOf((await page()).html)).toContain('None in the last 90 days.');
    await bench.control('restate', { days: 3 });
    await sync();
    const { html } = await page();
    expect(html).toMatch(/data-restated="\d{4}-\d\d-\d\d"/);
    expect(textOf(html)).toMatch(/\w+ \d+, \d{4} Spend \$[\d,.]+ → \$[\d,.]+ · .*?corrected /);
    const why = await person.get(`/crm/marketing/explain?figure=spend&days=30&campaign=${campaignId}`);
    expect(textOf(await why.text())).toMatch(/Corrected by Meta after the day was over: (1 day|2 days)/);
    const history = await (await person.get('/crm/marketing/sync')).text();
    expect(history).toMatch(/data-restated=/);
    expect(textOf(history)).toContain('Campaigns here');
  });

  it('gives an ad its leads and sales, by the touch that counts', async () => {
    const ad = bench.simulator.world.ads.find((each) => each.campaignId === campaignId);
    const leadId = await aLead(db, tenantId, { name: 'Tomás Ibarra' });
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at, meta_campaign_id, adset_id, ad_id)
        VALUES (${tenantId}, ${leadId}, 'form', now() - interval '1 minute', ${campaignId}, ${ad?.adsetId ?? ''}, ${ad?.id ?? ''})`),
    );
    const soldOn = lastDays(account().timeZone, new Date(), 1).until;
    await app.stores.sales.recordSale(
      tenantId,
      leadId,
      { amount: '169000', currency: account().currency, soldOn },
      system('test'),
    );
    const [line] = (await json()).ads;
    expect([line?.leads, line?.sales, line?.revenue]).toEqual([1, 1, '169000.00']);
    const text = textOf((await page()).html);
    expect(text).toContain('Tomás Ibarra');
    expect(text).toContain('See all 1');
  });

  it('tells how fast its leads were here, messaged and answered, and how many were not', async () => {
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    const before = (await json()).speed_to_lead_seconds;
    const leadId = await aLead(db, tenantId, { at: minutesAgo(30) });
    const other = await aLead(db, tenantId, { at: minutesAgo(120) });
    for (const id of [leadId, other]) await aTouch(db, tenantId, id, { campaignId, at: minutesAgo(30) });
    await aMessage(db, tenantId, leadId, { state: 'delivered', at: minutesAgo(29) });
    await db.database.inTenant(tenantId, async (tx) => {
      const at = (minutes: number) => sql.fragment`${minutesAgo(minutes).toISOString()}::timestamptz`;
      await tx.query(sql.unsafe`UPDATE outbound_messages SET delivered_at = ${at(28)} WHERE lead_id = ${leadId}`);
      await tx.query(sql.unsafe`UPDATE leads SET created_at = ${at(29)} WHERE id = ${leadId}`);
      await tx.query(sql.unsafe`UPDATE leads SET created_at = ${at(110)} WHERE id = ${other}`);
      await tx.query(sql.unsafe`
        INSERT INTO chat_messages (tenant_id, lead_id, direction, author, body, sent_at) VALUES (${tenantId}, ${leadId}, 'out', 'human', 'Hola', ${at(5)})`);
    });
    const speed = (await json()).speed_to_lead_seconds;
    expect([speed.leads - before.leads, speed.messaged, speed.answered]).toEqual([2, 1, 1]);
    expect([speed.messaged_p50, speed.answered_p95, speed.in_crm_p95]).toEqual([120, 25 * 60, 600]);
    const text = textOf((await page()).html);
    expect(text).toMatch(/first WhatsApp delivered \d+ leads? ha(s|ve) not reached it 2 min 2 min/);
  });

  it('is unknown to other tenants, and in Spanish for a Spaniard', async () => {
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await page('', stranger)).status).toBe(404);
    const spaniard = await aPerson(app, db, tenantId, { locale: 'es' });
    expect(textOf((await page('', spaniard)).html)).toContain('Cifras que Meta corrigió');
  });
});

describe('The history of copies', () => {
  it('lists each run with its calls, and the account’s control total', async () => {
    const html = await (await person.get('/crm/marketing/sync')).text();
    const text = textOf(html);
    expect(text).toContain('First copy');
    expect(html).toContain(`data-account="${account().accountId}"`);
    expect(text).toMatch(/Not in any campaign [\s\S]*\$0\.00/);
  });

  it('tells how much room Meta leaves, and until when a copy waits', async () => {
    const shown = async () => textOf(await (await person.get('/crm/marketing/sync')).text());
    expect(await shown()).toContain('Not known at the moment');
    const { accountId, name } = account();
    app.usage.readings = (scopes) =>
      scopes.map((scope) => ({
        scope,
        ratio: scope === 'app' ? 0.28 : scope === `${accountId}:ads_insights` ? 0.97 : null,
        waitMs: scope === `${accountId}:ads_insights` ? 8 * 60 * 60_000 : 0,
      }));
    const text = await shown();
    delete app.usage.readings;
    expect(text).toContain('All accounts 28 % used');
    expect(text).toContain(`${name} 97 % used waits 480 min`);
    expect(text).toMatch(/next copy \w+ \d+/);
  });

  it('lets a person choose how far back the figures go', async () => {
    const reply = await person.post('/crm/marketing/history', { months: '37' });
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/crm/marketing/sync#history']);
    expect(textOf(await (await person.get('/crm/marketing/sync')).text())).toMatch(
      /Since \w+ \d+, \d+ reading back to /,
    );
    expect((await person.post('/crm/marketing/history', { months: '400' })).status).toBe(422);
    const rows = await app.stores.systemEvents.changesOf(tenantId, { type: 'ad_account', id: account().accountId });
    expect(rows.map(({ name }) => name)).toContain('history.wanted');
  });

  it('says what it is for, before there is any', async () => {
    const newcomer = await aPerson(app, db, await aTenant(db));
    expect(textOf(await (await newcomer.get('/crm/marketing/sync')).text())).toContain('Nothing was copied yet');
  });
});

describe('The cost of messages', () => {
  it('shows what the messages to its leads cost, each currency for itself, and how many have no price yet', async () => {
    const earlier = (await json('?days=30')).message_costs.reduce((sum, { messages }) => sum + messages, 0);
    const stranger = await aLead(db, tenantId, { name: 'De otra campaña' });
    await aTouch(db, tenantId, stranger, { campaignId: '1', at: new Date(Date.now() - 60_000) });
    const lead = await aLead(db, tenantId, { name: 'Con mensajes' });
    await aTouch(db, tenantId, lead, { campaignId, at: new Date(Date.now() - 60_000) });
    for (const id of [lead, lead, lead, lead, stranger]) await aMessage(db, tenantId, id, { state: 'delivered' });
    await aMessage(db, tenantId, lead, { state: 'failed' });
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        UPDATE outbound_messages m SET price = p.price, price_currency = p.currency
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM outbound_messages WHERE tenant_id = ${tenantId} AND lead_id = ${lead} AND state = 'delivered') o
        JOIN (VALUES (1, 0.0618, 'USD'), (2, 0.0618, 'USD'), (3, 95.5, 'ARS')) AS p (n, price, currency) ON p.n = o.n WHERE m.id = o.id`),
    );
    expect((await json('?days=30')).message_costs).toEqual([
      { currency: 'USD', amount: '0.123600', messages: 2 },
      { currency: 'ARS', amount: '95.500000', messages: 1 },
      { currency: null, amount: '0.000000', messages: 1 + earlier },
    ]);
    const compared = textOf(await (await person.get('/crm/marketing/breakdown?by=campaign&days=30')).text());
    expect(compared).toMatch(/\+ USD 0\.12 \+ ARS 95\.50 WhatsApp/);
    const file = await (await person.get('/crm/marketing/breakdown.csv?by=campaign&days=30')).text();
    expect(file).toContain(',0.123600 USD + 95.500000 ARS');
    expect(textOf(await (await person.get('/crm/marketing?days=30')).text())).toMatch(
      /\+ USD 0\.12 \+ ARS 95\.50 WhatsApp/,
    );
    const why = await (await person.get(`/crm/marketing/campaigns/${campaignId}/messages?days=30`)).text();
    expect(why.match(/data-message="/g)).toHaveLength(4 + earlier);
    const text = textOf((await page('?days=30')).html);
    expect(text).toContain(`${4 + earlier} WhatsApp messages to its leads`);
    expect(text).toMatch(/0\.12 \+ .*95\.50 · \d without a price yet · not part of the spend/);
  });
});
