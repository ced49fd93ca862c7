import { describe, expect, it } from 'vitest';
import { addDays, dayIn } from '../domain/days.ts';
import { aCampaign, aDay, aLead, anAccount, aTouch } from '../test/crm.ts';
import { ago, statsBench } from '../test/stats-bench.ts';

const bench = statsBench();
const { get, stats, sell, aLeadOf, implantes } = bench;

describe('GET /crm/marketing/stats', () => {
  it('has the shape that programs rely on', async () => {
    await implantes();
    await aDay(bench.db, bench.tenantId, bench.today, { spend: '1000.00', leads: 4 });
    await sell(await aLeadOf('200'), '3500');
    const { as_of, ...reply } = await stats('?days=30');
    const since = addDays(bench.today, -29);
    expect(Date.parse(as_of ?? '')).not.toBeNaN();
    expect(reply).toEqual({
      tenant_id: bench.tenantId,
      period: { since, until: bench.today },
      previous_period: { since: addDays(since, -30), until: addDays(since, -1) },
      accounts: [
        {
          ad_account_id: '100',
          name: 'Aurora',
          currency: 'ARS',
          time_zone: 'America/Argentina/Buenos_Aires',
          since,
          until: bench.today,
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
    await aDay(bench.db, bench.tenantId, bench.today);
    expect((await stats('?days=7')).totals[0]).toMatchObject({
      cost_per_lead: null,
      roi_percentage: '-100.00',
      roas: '0.00',
    });
  });

  it('never adds pesos to dollars, and writes pesos of Chile without cents', async () => {
    await anAccount(bench.db, bench.tenantId, { id: '1', currency: 'ARS' });
    await anAccount(bench.db, bench.tenantId, { id: '2', currency: 'USD', timeZone: 'America/Bogota' });
    await anAccount(bench.db, bench.tenantId, { id: '3', currency: 'CLP', timeZone: 'America/Santiago' });
    for (const [id, currency] of [
      ['1', 'ARS'],
      ['2', 'USD'],
      ['3', 'CLP'],
    ] as const) {
      await aCampaign(bench.db, bench.tenantId, { id: `20${id}`, accountId: id, currency });
      await aDay(bench.db, bench.tenantId, addDays(bench.today, -2), {
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
      await aDay(bench.db, bench.tenantId, addDays(bench.today, -days), { spend });
    expect((await stats('?days=7')).totals[0]?.spend).toBe('11.00');
    expect((await stats('?days=14')).totals[0]?.spend).toBe('1111.00');
    expect((await stats('?days=1')).totals[0]?.spend).toBe('1.00');
  });

  it('counts a person of two forms once a campaign, and tests never', async () => {
    await implantes();
    await aCampaign(bench.db, bench.tenantId, { id: '201', name: 'Urgencias' });
    const twice = await aLeadOf('200', ago(3));
    await aTouch(bench.db, bench.tenantId, twice, { at: ago(3) });
    await aTouch(bench.db, bench.tenantId, twice, { at: ago(1) });
    const test = await aLead(bench.db, bench.tenantId, { isTest: true });
    await aTouch(bench.db, bench.tenantId, test);
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
    await anAccount(bench.db, bench.tenantId, { id: '9', isSelected: false });
    await aCampaign(bench.db, bench.tenantId, { id: '209', accountId: '9' });
    await aLead(bench.db, bench.tenantId);
    const people = [await aLeadOf(null), await aLeadOf('209'), await aLeadOf('not copied yet'), await aLeadOf('200')];
    for (const leadId of people) await sell(leadId, '100.00');
    const { unattributed, totals } = await stats();
    expect(unattributed).toEqual({ leads: 4, sales: 3, revenue: '300.00' });
    expect(totals[0]).toMatchObject({ leads: 1, sales: 1, revenue: '100.00' });
  });

  it('computes nothing over a sale in a currency without a rate', async () => {
    await implantes();
    await aDay(bench.db, bench.tenantId, bench.today);
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
    await aDay(bench.db, bench.tenantId, bench.today, { spend: '5.00' });
    expect((await stats()).totals[0]?.spend).toBe('0.00');
    const leadId = await aLeadOf('200');
    const body = { amount: '10.00', currency: 'ARS', sold_on: bench.today };
    const reply = await get(`/api/v1/leads/${leadId}/sales`, { body });
    expect(reply.status).toBe(201);
    expect((await stats()).totals[0]).toMatchObject({ spend: '5.00', revenue: '10.00' });
  });
});
