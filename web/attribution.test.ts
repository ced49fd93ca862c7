import { describe, expect, it } from 'vitest';
import { aCampaign, aLead, anAccount, aTouch } from '../test/crm.ts';
import { ago, statsBench } from '../test/stats-bench.ts';

const bench = statsBench();
const { stats, sell, aLeadOf, implantes } = bench;

describe('attribution', () => {
  /** Three forms of three campaigns, then a sale of 100.00. */
  async function threeTouches(): Promise<void> {
    await anAccount(bench.db, bench.tenantId);
    const leadId = await aLead(bench.db, bench.tenantId, { at: ago(6) });
    for (const [i, campaignId] of ['201', '202', '203'].entries()) {
      await aCampaign(bench.db, bench.tenantId, { id: campaignId, name: campaignId });
      await aTouch(bench.db, bench.tenantId, leadId, { campaignId, at: ago(6 - i) });
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
    await anAccount(bench.db, bench.tenantId);
    await aCampaign(bench.db, bench.tenantId);
    const leadId = await aLead(bench.db, bench.tenantId);
    await aTouch(bench.db, bench.tenantId, leadId, { at: ago(2) });
    await aTouch(bench.db, bench.tenantId, leadId, { campaignId: 'gone', at: ago(1) });
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
