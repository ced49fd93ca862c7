import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { addDays, dayIn } from '../domain/days.ts';
import { aCampaign, aDay, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { aPerson } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import type { StatsJson } from './stats-json.ts';

const BUENOS_AIRES = 'America/Argentina/Buenos_Aires';
const HOUR_MS = 60 * 60_000;
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let userId: string;
let today: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db, { MARKETING_RATE_LIMIT: '100000' });
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  ({ userId } = await aPerson(app, db, tenantId));
  today = dayIn(BUENOS_AIRES, new Date());
});

const ago = (days: number) => new Date(Date.now() - days * 24 * HOUR_MS);
async function get(path: string) {
  return fetch(`${app.url}${path}`, {
    headers: { authorization: `Bearer ${await app.tokens.issue({ tenantId, userId })}` },
  });
}
const stats = async (query = '') => (await (await get(`/crm/marketing/stats${query}`)).json()) as StatsJson;
/** As a person records it, but without the page: the cached reply is forgotten as the page forgets it. */
const sell = (leadId: string, amount: string, { currency = 'ARS', soldOn = today } = {}) =>
  app.stores.sales.recordSale(tenantId, leadId, { amount, currency, soldOn }, system('test'));
async function aLeadOf(campaignId: string | null, at = ago(0)): Promise<string> {
  const leadId = await aLead(db, tenantId, { at });
  await aTouch(db, tenantId, leadId, { campaignId, at });
  return leadId;
}
async function implantes(): Promise<void> {
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
}

describe('GET /crm/marketing/stats', () => {
  it('has the shape that programs rely on', async () => {
    await implantes();
    await aDay(db, tenantId, today, { spend: '1000.00', leads: 4 });
    await sell(await aLeadOf('200'), '3500');
    const { as_of, ...reply } = await stats('?days=30');
    const since = addDays(today, -29);
    expect(Date.parse(as_of ?? '')).not.toBeNaN();
    expect(reply).toEqual({
      tenant_id: tenantId,
      period: { since, until: today },
      previous_period: { since: addDays(since, -30), until: addDays(since, -1) },
      accounts: [
        {
          ad_account_id: '100',
          name: 'Aurora',
          currency: 'ARS',
          time_zone: BUENOS_AIRES,
          since,
          until: today,
          spend: '1000.00',
          impressions: 900,
          clicks: 30,
          leads: 1,
          meta_leads: 4,
        },
      ],
      totals: [
        {
          currency: 'ARS',
          spend: '1000.00',
          leads: 1,
          meta_leads: 4,
          cost_per_lead: '1000.00',
          opportunities: 0,
          sales: 1,
          revenue: '3500.00',
          roi_percentage: '250.00',
          roas: '3.50',
        },
      ],
      campaigns: [
        {
          meta_campaign_id: '200',
          ad_account_id: '100',
          name: 'Implantes',
          status: 'ACTIVE',
          currency: 'ARS',
          spend: '1000.00',
          impressions: 900,
          clicks: 30,
          leads: 1,
          meta_leads: 4,
          revenue: '3500.00',
          roi_percentage: '250.00',
          roas: '3.50',
        },
      ],
      unattributed: { leads: 0, sales: 0, revenue: '0.00' },
    });
  });

  it('of a tenant without anything is empty, not an error', async () => {
    expect(await stats()).toMatchObject({
      as_of: null,
      accounts: [],
      totals: [],
      campaigns: [],
      unattributed: { leads: 0 },
    });
  });

  it('gives null where a ratio has no meaning, and −100.00 where nothing was sold', async () => {
    await implantes();
    const zero = { spend: '0.00', cost_per_lead: null, roi_percentage: null, roas: null };
    expect((await stats()).totals[0]).toMatchObject(zero);
    await aDay(db, tenantId, today);
    expect((await stats('?days=7')).totals[0]).toMatchObject({
      cost_per_lead: null,
      roi_percentage: '-100.00',
      roas: '0.00',
    });
  });

  it('never adds pesos to dollars, and writes pesos of Chile without cents', async () => {
    await anAccount(db, tenantId, { id: '1', currency: 'ARS' });
    await anAccount(db, tenantId, { id: '2', currency: 'USD', timeZone: 'America/Bogota' });
    await anAccount(db, tenantId, { id: '3', currency: 'CLP', timeZone: 'America/Santiago' });
    for (const [id, currency] of [
      ['1', 'ARS'],
      ['2', 'USD'],
      ['3', 'CLP'],
    ] as const) {
      await aCampaign(db, tenantId, { id: `20${id}`, accountId: id, currency });
      await aDay(db, tenantId, addDays(today, -2), {
        campaignId: `20${id}`,
        accountId: id,
        currency,
        spend: '1234.50',
      });
    }
    const { totals, accounts } = await stats();
    expect(totals.map(({ currency, spend }) => [currency, spend])).toEqual([
      ['ARS', '1234.50'],
      ['CLP', '1234'],
      ['USD', '1234.50'],
    ]);
    expect(accounts.map(({ time_zone, until }) => [time_zone, until])).toEqual(
      accounts.map(({ time_zone }) => [time_zone, dayIn(time_zone, new Date())]),
    );
  });

  it('counts a day once: the last of the window, the first of the one before, none beyond', async () => {
    await implantes();
    for (const [days, spend] of [
      [0, '1'],
      [6, '10'],
      [7, '100'],
      [13, '1000'],
      [14, '10000'],
    ] as const)
      await aDay(db, tenantId, addDays(today, -days), { spend });
    expect((await stats('?days=7')).totals[0]?.spend).toBe('11.00');
    expect((await stats('?days=14')).totals[0]?.spend).toBe('1111.00');
    expect((await stats('?days=1')).totals[0]?.spend).toBe('1.00');
  });

  it('counts a person of two forms once a campaign, and tests never', async () => {
    await implantes();
    await aCampaign(db, tenantId, { id: '201', name: 'Urgencias' });
    const twice = await aLeadOf('200', ago(3));
    await aTouch(db, tenantId, twice, { at: ago(3) });
    await aTouch(db, tenantId, twice, { at: ago(1) });
    const test = await aLead(db, tenantId, { isTest: true });
    await aTouch(db, tenantId, test);
    const { campaigns, totals, accounts } = await stats('?days=7');
    expect(campaigns.map(({ meta_campaign_id, leads }) => [meta_campaign_id, leads])).toEqual([
      ['200', 1],
      ['201', 0],
    ]);
    expect([totals[0]?.leads, accounts[0]?.leads]).toEqual([1, 1]);
    expect((await stats('?days=2')).totals[0]?.leads).toBe(1);
  });

  it('shows what belongs to no campaign we show, and loses nobody', async () => {
    await implantes();
    await anAccount(db, tenantId, { id: '9', isSelected: false });
    await aCampaign(db, tenantId, { id: '209', accountId: '9' });
    await aLead(db, tenantId);
    const people = [await aLeadOf(null), await aLeadOf('209'), await aLeadOf('not copied yet'), await aLeadOf('200')];
    for (const leadId of people) await sell(leadId, '100.00');
    const { unattributed, totals } = await stats();
    expect(unattributed).toEqual({ leads: 4, sales: 3, revenue: '300.00' });
    expect(totals[0]).toMatchObject({ leads: 1, sales: 1, revenue: '100.00' });
  });

  it('computes nothing over a sale in a currency without a rate', async () => {
    await implantes();
    await aDay(db, tenantId, today);
    await sell(await aLeadOf('200'), '10.00', { currency: 'USD' });
    await sell(await aLeadOf(null), '10.00', { currency: 'USD' });
    const { totals, campaigns, unattributed } = await stats();
    expect(totals[0]).toMatchObject({ sales: 1, roi_percentage: null, roas: null });
    expect(campaigns[0]).toMatchObject({ revenue: null, roi_percentage: null, roas: null });
    expect(unattributed).toMatchObject({ sales: 1, revenue: null });
    expect(totals[0]?.revenue).toBeNull();
  });

  it('takes refunds off', async () => {
    await implantes();
    const leadId = await aLeadOf('200');
    await sell(leadId, '100.00');
    await sell(leadId, '-100.00');
    expect((await stats()).totals[0]).toMatchObject({ revenue: '0.00', sales: 2 });
  });
});

describe('attribution', () => {
  /** Three forms of three campaigns, then a sale of 100.00. */
  async function threeTouches(): Promise<void> {
    await anAccount(db, tenantId);
    const leadId = await aLead(db, tenantId, { at: ago(6) });
    for (const [i, campaignId] of ['201', '202', '203'].entries()) {
      await aCampaign(db, tenantId, { id: campaignId, name: campaignId });
      await aTouch(db, tenantId, leadId, { campaignId, at: ago(6 - i) });
    }
    await sell(leadId, '100.00');
  }
  const revenues = async (model: string) => {
    const { campaigns, totals } = await stats(`?model=${model}`);
    const byId = Object.fromEntries(campaigns.map(({ meta_campaign_id, revenue }) => [meta_campaign_id, revenue]));
    return [byId['201'], byId['202'], byId['203'], totals[0]?.revenue, totals[0]?.sales];
  };

  it('by last, first and linear touch adds up to the same sale', async () => {
    await threeTouches();
    expect(await revenues('last')).toEqual(['0.00', '0.00', '100.00', '100.00', 1]);
    expect(await revenues('first')).toEqual(['100.00', '0.00', '0.00', '100.00', 1]);
    expect(await revenues('linear')).toEqual(['33.34', '33.33', '33.33', '100.00', 1]);
  });

  it('keeps the shares of a campaign that is not shown as unattributed', async () => {
    await anAccount(db, tenantId);
    await aCampaign(db, tenantId);
    const leadId = await aLead(db, tenantId);
    await aTouch(db, tenantId, leadId, { at: ago(2) });
    await aTouch(db, tenantId, leadId, { campaignId: 'gone', at: ago(1) });
    await sell(leadId, '100.00');
    const { totals, unattributed } = await stats('?model=linear');
    expect([totals[0]?.revenue, unattributed.revenue]).toEqual(['50.00', '50.00']);
    expect([totals[0]?.sales, unattributed.sales]).toEqual([0, 1]);
  });

  it('forgets a form that lies further back than the look-back', async () => {
    await implantes();
    const leadId = await aLeadOf('200', ago(100));
    await sell(leadId, '50.00');
    expect(await stats()).toMatchObject({ unattributed: { sales: 1, revenue: '50.00' }, totals: [{ sales: 0 }] });
  });

  it('by cohort counts a sale with the people who arrived in the window', async () => {
    await implantes();
    await sell(await aLeadOf('200', ago(40)), '70.00');
    expect((await stats('?days=30&view=date')).totals[0]?.revenue).toBe('70.00');
    expect((await stats('?days=30&view=cohort')).totals[0]?.revenue).toBe('0.00');
    expect((await stats('?days=60&view=cohort')).totals[0]?.revenue).toBe('70.00');
  });
});

describe('the question', () => {
  it.each(['days=0', 'days=1127', 'days=x', 'days=1.5', 'view=week', 'model=best', 'days=7&days=8'])(
    'is refused when it makes no sense: %s',
    async (query) => {
      expect((await get(`/crm/marketing/stats?${query}`)).status).toBe(422);
    },
  );

  it('goes to the database once in 15 minutes, until a lead, a sale or a sync changes the answer', async () => {
    await implantes();
    expect((await stats()).totals[0]?.spend).toBe('0.00');
    await aDay(db, tenantId, today, { spend: '5.00' });
    expect((await stats()).totals[0]?.spend).toBe('0.00');
    const leadId = await aLeadOf('200');
    const reply = await fetch(`${app.url}/api/v1/leads/${leadId}/sales`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await app.tokens.issue({ tenantId, userId })}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ amount: '10.00', currency: 'ARS', sold_on: today }),
    });
    expect(reply.status).toBe(201);
    expect((await stats()).totals[0]).toMatchObject({ spend: '5.00', revenue: '10.00' });
  });
});
